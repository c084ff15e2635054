import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAirplantError } from '../../ts/base/errors.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import type { IdMaps, IdRange, SandboxEntry, SandboxSpec } from '../../ts/sandbox/spec.js';
import { longForm, requires } from '../support/requires.js';
import {
  bind,
  busybox,
  directory,
  freshDirectory,
  outputOf,
  runSpec,
  sandboxSpec,
  scriptSpec,
  usualEntries,
} from '../support/sandbox.js';

const needs = requires('user-namespaces', 'program:busybox');

async function failureOf(spec: SandboxSpec) {
  const error = await launchSandbox(spec).then(
    () => assert.fail('it started'),
    (error) => error,
  );
  assert.ok(isAirplantError(error), String(error?.stack));
  return error;
}

const command = (more: Partial<SandboxSpec['command']>) => ({ ...sandboxSpec(['true']).command, ...more });

test('a full disk is called that, not a fault of the sandbox', needs, async () => {
  const entries: SandboxEntry[] = [
    ...usualEntries(),
    { kind: 'tmpfs', target: '/small', mode: 0o755, size: '4k', why: '' },
    { kind: 'file', target: '/small/file', mode: 0o644, contents: 'x'.repeat(100_000), why: '' },
  ];
  const error = await failureOf(sandboxSpec(['true'], { entries }));
  assert.equal(error.code, 'ERR_DISK_FULL');
  assert.match(error.message, /\/small\/file/);
});

/** How a sandbox with the usual entries is refused in a namespace of the test's own, prepared by a shell script. */
function refusedAfter(preparation: string): { code: string; hint: string; details: Record<string, string> } {
  const disk = freshDirectory('disk');
  const root = join(disk, 'root');
  const script = `${preparation}\nexec "$@"`;
  const shell = ['sh', '-ec', script, 'sh', process.execPath, launchOnce, root];
  const text = execFileSync('unshare', ['-Urm', '--propagation', 'private', ...shell], {
    encoding: 'utf8',
    env: { ...process.env, DISK: disk },
  });
  return JSON.parse(text);
}

const launchOnce = fileURLToPath(new URL('../support/launch-once.js', import.meta.url));

test('a disk without inodes is called full where something to mount over cannot be made', needs, () => {
  const { code, hint, details } = refusedAfter('mount -t tmpfs -o nr_inodes=3 tmpfs $DISK; mkdir $DISK/root');
  assert.equal(code, 'ERR_DISK_FULL');
  assert.deepEqual([details['step'], details['errno']], ['make-target', 'ENOSPC']);
  assert.match(hint, /is full/);
});

test('as many mounts as fs.mount-max allows are called that', needs, () => {
  // Round n binds 2^n mounts; then smaller heaps go on top of one another until not a single one fits. The two spare
  // ones taken off again are for the sandbox's root and its first entry.
  const { code, hint, details } = refusedAfter(`
    cd $DISK; mkdir root heap one two
    mount -t tmpfs tmpfs one; mount -t tmpfs tmpfs two; mount -t tmpfs tmpfs heap
    for n in $(seq 0 30); do mkdir heap/$n; done; mkdir heap/last
    bind() { ${busybox} mount -o rbind $1 $2 2>/dev/null; }
    round=0; while bind heap heap/$round; do round=$((round + 1)); done
    for n in $(seq $((round - 1)) -1 0); do while bind heap/$n heap/last; do :; done; done
    umount one two`);
  assert.equal(code, 'ERR_SANDBOX_SETUP');
  assert.deepEqual([details['step'], details['errno']], ['bind', 'ENOSPC']);
  assert.match(hint, /fs\.mount-max/);
});

test('as many mount namespaces as user.max_mnt_namespaces allows are called that', needs, () => {
  const { code, hint, details } = refusedAfter(
    'mkdir $DISK/root; echo 2 > /proc/sys/user/max_mnt_namespaces',
  );
  assert.equal(code, 'ERR_SANDBOX_SETUP');
  assert.deepEqual([details['step'], details['errno']], ['copy-mounts', 'ENOSPC']);
  assert.match(hint, /user\.max_mnt_namespaces/);
});

describe('a refused step', needs, () => {
  const cases: readonly [string, Partial<SandboxSpec>, Record<string, unknown>][] = [
    [
      'a root that is missing',
      { root: { kind: 'directory', path: '/no/root' } },
      { step: 'mount-root', errno: 'ENOENT', path: '/no/root' },
    ],
    [
      'a root that is a file',
      { root: { kind: 'directory', path: '/etc/passwd' } },
      { step: 'mount-root', errno: 'ENOTDIR', path: '/etc/passwd' },
    ],
    [
      'a directory in a file',
      { entries: [bind(busybox, '/a'), directory('/a/b')] },
      { step: 'make-directory', errno: 'ENOTDIR', path: '/a/b' },
    ],
    [
      'a file that exists',
      { entries: [bind(busybox, '/a'), { kind: 'file', target: '/a', mode: 0o644, contents: '', why: '' }] },
      { step: 'make-file', errno: 'EEXIST', path: '/a' },
    ],
    [
      'a symlink that exists',
      { entries: [bind(busybox, '/a'), { kind: 'symlink', target: '/a', to: 'b', why: '' }] },
      { step: 'make-symlink', errno: 'EEXIST', path: '/a' },
    ],
    [
      'a tmpfs with more than a size',
      { entries: [{ kind: 'tmpfs', target: '/t', mode: 0o755, size: '1m,uid=0', why: '' }] },
      { step: 'mount-tmpfs', errno: 'EINVAL', path: '1m,uid=0' },
    ],
    [
      'writing below a read-only bind',
      { entries: [bind(freshDirectory(), '/in'), directory('/in/x')] },
      { step: 'make-directory', errno: 'EROFS', path: '/in/x' },
    ],
    [
      'a directory to start in that is missing',
      { command: command({ cwd: '/nowhere' }) },
      { step: 'chdir', errno: 'ENOENT', path: '/nowhere' },
    ],
    [
      'a builder that may not be executed',
      {
        entries: [...usualEntries(), { kind: 'file', target: '/x', mode: 0o644, contents: 'x', why: '' }],
        command: command({ path: '/x' }),
      },
      { step: 'exec', errno: 'EACCES', path: '/x' },
    ],
    [
      'a builder of no known format',
      {
        entries: [
          ...usualEntries(),
          { kind: 'file', target: '/x', mode: 0o755, contents: '\x7fELF nonsense', why: '' },
        ],
        command: command({ path: '/x' }),
      },
      { step: 'exec', errno: 'ENOEXEC', path: '/x' },
    ],
    [
      'an environment too large for the kernel',
      { command: command({ env: [['A', 'x'.repeat(200_000)]] }) },
      { step: 'exec', errno: 'E2BIG', path: '/bin/true' },
    ],
    [
      'a seatbelt profile on Linux',
      { backend: { kind: 'darwin-seatbelt', profile: '', parameters: [], sealed: true } },
      { step: 'backend', errno: 'ENOTSUP', path: '' },
    ],
    [
      '/proc without processes of one’s own',
      { namespaces: { pid: false, ipc: true, uts: true, network: 'private' } },
      { step: 'mount-proc', errno: 'EPERM', path: '/proc' },
    ],
  ];
  for (const [name, more, details] of cases) {
    test(`${name} is named`, async () => {
      const spec = sandboxSpec(['true'], { ...more });
      const error = await failureOf({
        ...spec,
        command: { ...spec.command, path: spec.command.path.replace('/bin/true', '/bin/busybox') },
      }).catch((e) => e);
      const expected = details['path'] === '/bin/true' ? { ...details, path: '/bin/busybox' } : details;
      assert.deepEqual(
        { code: error.code, details: error.details },
        { code: details['step'] === 'exec' ? 'ERR_BUILDER_EXEC' : 'ERR_SANDBOX_SETUP', details: expected },
      );
      assert.ok(error.message.includes(String(expected['path'] || expected['step'])), error.message);
      assert.ok(error.hint.length > 10, error.hint);
    });
  }

  test('a missing builder has an error of its own', async () => {
    const error = await failureOf(sandboxSpec(['none']));
    assert.equal(error.code, 'ERR_BUILDER_MISSING');
    assert.deepEqual(error.details, { step: 'exec', errno: 'ENOENT', path: '/bin/none' });
    const script: SandboxEntry = {
      kind: 'file',
      target: '/x',
      mode: 0o755,
      contents: '#!/no/shell\n',
      why: '',
    };
    const spec = sandboxSpec(['true'], { command: command({ path: '/x' }) });
    assert.equal(
      (await failureOf({ ...spec, entries: [...spec.entries, script] })).code,
      'ERR_BUILDER_MISSING',
    );
  });

  test('of a namespace is named by its kind', () => {
    // One nested user namespace may have limits of its own for each kind.
    const program = `
      import { launchSandbox } from '${new URL('../../ts/sandbox/launch.js', import.meta.url)}';
      import { sandboxSpec } from '${new URL('../support/sandbox.js', import.meta.url)}';
      await launchSandbox(sandboxSpec(['true'])).then(() => console.log('started'), (error) => console.log(error.details.step, error.details.errno, error.hint));`;
    const file = join(freshDirectory(), 'try.mjs');
    writeFileSync(file, program);
    const limits = [
      ['user', 0, 'unshare-user', 'is 0'],
      ['mnt', 0, 'unshare-mount', 'is 0'],
      ['pid', 0, 'unshare-pid', 'is 0'],
      ['ipc', 0, 'unshare-ipc', 'is 0'],
      ['uts', 0, 'unshare-uts', 'is 0'],
      ['net', 0, 'unshare-network', 'is 0'],
      ['cgroup', 0, 'unshare-cgroup', 'is 0'],
      // A sandbox takes two.
      ['user', 1, 'lock-user', 'allows'],
    ] as const;
    for (const [sysctl, limit, step, text] of limits) {
      const setting = `echo ${limit} >/proc/sys/user/max_${sysctl}_namespaces && exec ${process.execPath} ${file}`;
      const out = execFileSync(
        'unshare',
        ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--mount-proc', 'sh', '-c', setting],
        { encoding: 'utf8' },
      );
      assert.match(out, new RegExp(`^${step} ENOSPC .*max_${sysctl}_namespaces ${text}`), sysctl);
    }
  });

  test('of a masked /proc is told as such', () => {
    const program = `
      import { launchSandbox } from '${new URL('../../ts/sandbox/launch.js', import.meta.url)}';
      import { sandboxSpec } from '${new URL('../support/sandbox.js', import.meta.url)}';
      await launchSandbox(sandboxSpec(['true'])).then(() => console.log('started'), (error) => console.log(error.details.step, error.details.errno, error.hint));`;
    const file = join(freshDirectory(), 'try.mjs');
    writeFileSync(file, program);
    const masked = `mount -t tmpfs tmpfs /proc/fs && exec ${process.execPath} ${file}`;
    const out = execFileSync(
      'unshare',
      ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--mount-proc', 'sh', '-c', masked],
      { encoding: 'utf8' },
    );
    assert.match(out, /^mount-proc EPERM .*systempaths=unconfined/);
  });

  test('leaves the launcher fit for the next sandbox, and nothing open', async () => {
    for (let i = 0; i < 50; i++) await failureOf(sandboxSpec(['none']));
    assert.equal(await outputOf('echo fine'), 'fine');
  });
});

describe('a malformed spec', needs, () => {
  const good = sandboxSpec(['true']);
  const range = (inside: number): IdRange => ({ inside, outside: 1, count: 2 });
  const idMaps = (...ranges: IdRange[]): IdMaps => ({ uids: { ranges } });
  const limits = (bounds: { soft: number; hard: number }) => ({ rlimits: [{ resource: 'core', ...bounds }] });
  const wrong: readonly [RegExp, object][] = [
    [/^spec.version must be/, { version: 2 }],
    [/^spec.session must be 'sealed' or 'interactive'/, { session: 'open' }],
    [/^spec.root.kind must be/, { root: { kind: 'overlay' } }],
    [/^spec.root.path must be an absolute path/, { root: { kind: 'directory', path: 'relative' } }],
    [/^spec.namespaces.pid must be a boolean/, { namespaces: { ...good.namespaces, pid: 1 } }],
    [/^spec.namespaces.network must be/, { namespaces: { ...good.namespaces, network: 'none' } }],
    [/^spec.ids.uid must be an integer/, { ids: { uid: -1, gid: 0 } }],
    [/^spec.ids.gid must be an integer/, { ids: { uid: 0, gid: 2 ** 32 - 1 } }],
    [/^spec.ids.uid must be an integer/, { ids: { uid: 1.5, gid: 0 } }],
    [/^spec.ids.count must be a positive integer/, { ids: { uid: 0, gid: 0, count: 0 } }],
    [/^spec.ids.count must be an integer/, { ids: { uid: 0, gid: 0, count: 1.5 } }],
    [/^spec.ids.count must be 1 unless/, { ids: { uid: 0, gid: 0, count: 2 } }],
    [
      /^spec.ids.uid must be in a range of idMaps.uids/,
      { ids: { uid: 5, gid: 0 }, idMaps: idMaps(range(0)) },
    ],
    [
      /^spec.ids.uid must be in/,
      {
        ids: { uid: 0, gid: 0, count: 3 },
        idMaps: { uids: { ranges: [range(0), range(2)] }, gids: { ranges: [range(0), range(2)] } },
      },
    ],
    [/^spec.idMaps.uids.ranges must be an array of 1/, { idMaps: idMaps() }],
    [
      /^spec.idMaps.uids.ranges must be an array/,
      { idMaps: idMaps(...Array.from({ length: 341 }, () => range(0))) },
    ],
    [/^spec.idMaps.uids.ranges\[0\].inside/, { idMaps: idMaps({ ...range(0), inside: -1 }) }],
    [/^spec.idMaps.uids.ranges\[0\].outside/, { idMaps: idMaps({ ...range(0), outside: 2 ** 32 - 1 }) }],
    [/^spec.idMaps.uids.ranges\[0\].count/, { idMaps: idMaps({ ...range(0), count: 0 }) }],
    [/^spec.idMaps.uids.ranges\[0\].count/, { idMaps: idMaps({ ...range(10), count: 2 ** 32 - 10 }) }],
    [
      /^spec.idMaps.uids.program must be an absolute path/,
      { idMaps: { uids: { ranges: [range(0)], program: 'x' } } },
    ],
    [/^spec.ids.uid must be an integer/, { ids: { uid: '1', gid: 0 } }],
    [/^spec.ids.gid must be an integer/, { ids: { uid: 1 } }],
    [/^spec.hostname must be without NUL/, { hostname: 'a\0b' }],
    [/^spec.hostname must be at most 64 bytes/, { hostname: 'é'.repeat(33) }],
    [/^spec.domainname must be at most 64 bytes/, { domainname: 'x'.repeat(65) }],
    [/^spec.limits.rlimits\[0\].hard must be an integer/, { limits: limits({ soft: 0, hard: -1 }) }],
    [/^spec.limits.rlimits\[0\].soft must be an integer/, { limits: limits({ soft: 2 ** 53, hard: 0 }) }],
    [/^spec.entries must be an array/, { entries: {} }],
    [/^spec.entries\[0\] must be an object/, { entries: [null] }],
    [/^spec.entries\[0\].kind must be/, { entries: [{ kind: 'overlay', target: '/x' }] }],
    [/^spec.entries\[1\].target must be an absolute path/, { entries: [directory('/x'), directory('x')] }],
    [/^spec.entries\[0\].mode must be an integer from 0 to 4095/, { entries: [directory('/x', 0o100755)] }],
    [/^spec.entries\[0\].source must be/, { entries: [bind('', '/x')] }],
    [
      /^spec.entries\[0\].readOnly must be a boolean/,
      { entries: [bind('/x', '/x', { readOnly: undefined } as never)] },
    ],
    [
      /^spec.entries\[0\].device.major/,
      { entries: [bind('/x', '/x', { device: { major: -1, minor: 0 } } as never)] },
    ],
    [/^spec.command.path must be/, { command: command({ path: 'sh' }) }],
    [/^spec.command.argv\[0\] must be a string/, { command: command({ argv: [1 as never] }) }],
    [/^spec.command.argv\[1\] must be without NUL/, { command: command({ argv: ['a', '\0'] }) }],
    [/^spec.command.argv\[0\] must be without lone surrogates/, { command: command({ argv: ['\ud800'] }) }],
    [/^spec.command.env\[0\] must be a pair/, { command: command({ env: [['A'] as never] }) }],
    [/^spec.command.umask must be/, { command: command({ umask: 0o1000 }) }],
    [
      /^spec.limits.rlimits\[0\].resource must be/,
      { limits: { rlimits: [{ resource: 'x', soft: 0, hard: 0 }] } },
    ],
    [
      /^spec.limits.rlimits\[0\].soft must be an integer/,
      { limits: { rlimits: [{ resource: 'core', soft: 'lots', hard: 0 }] } },
    ],
    [/^spec.personality must be/, { personality: 2 ** 32 }],
    [/^spec.backend.kind must be/, { backend: { kind: 'jail' } }],
  ];
  test('CVE-2026-30892: is an error that names the field', async () => {
    for (const [message, more] of wrong) {
      await assert.rejects(launchSandbox({ ...good, ...more } as SandboxSpec), (error) => {
        assert.ok(isAirplantError(error, 'ERR_SANDBOX_SPEC'), String(error));
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(launchSandbox(null as never), { code: 'ERR_SANDBOX_SPEC' });
  });
});

describe('a large spec', needs, () => {
  test('of thousands of mounts', async () => {
    const count = longForm ? 10_000 : 2000;
    const source = freshDirectory();
    const inputs = Array.from({ length: count }, (_, i) => bind(source, `/nix/store/${i}`));
    const script = 'ls /nix/store | wc -l; grep -c "/nix/store/.* ro,nosuid,nodev" /proc/self/mountinfo';
    const { log } = await runSpec(scriptSpec(script, { entries: [...usualEntries(), ...inputs] }));
    assert.equal(log, `${count}\n${count}\n`);
  });

  test('CVE-2021-43784: of long variables and files', async () => {
    const value = 'v'.repeat(128 * 1024 - 10);
    const env: [string, string][] = [
      ['PATH', '/bin'],
      ...Array.from({ length: 10 }, (_, i): [string, string] => [`V${i}`, value]),
    ];
    const file: SandboxEntry = {
      kind: 'file',
      target: '/large',
      mode: 0o644,
      contents: 'c'.repeat(20e6),
      why: '',
    };
    const spec = scriptSpec('echo $V0 | wc -c; echo $V9 | wc -c; wc -c </large');
    const { log } = await runSpec({
      ...spec,
      entries: [...spec.entries, file],
      command: { ...spec.command, env },
    });
    assert.equal(log, `${value.length + 1}\n${value.length + 1}\n20000000\n`);
  });

  test('many at once neither block nor deadlock', async () => {
    const contents = 'c'.repeat(4e6);
    const file: SandboxEntry = { kind: 'file', target: '/large', mode: 0o644, contents, why: '' };
    const runs = Array.from({ length: 20 }, async () => {
      const spec = scriptSpec('wc -c </large');
      return (await runSpec({ ...spec, entries: [...spec.entries, file] })).log;
    });
    assert.deepEqual(new Set(await Promise.all(runs)), new Set(['4000000\n']));
  });
});

test('without isolation, when that is asked for', needs, async () => {
  const directoryOfHost = freshDirectory();
  const spec = sandboxSpec([], {
    backend: { kind: 'none' },
    command: {
      path: busybox,
      argv: ['sh', '-c', 'pwd; readlink /proc/self/ns/mnt; ls /proc/self/fd | wc -w; (setsid sleep 1000 &)'],
      env: [['PATH', '/bin']],
      cwd: directoryOfHost,
      umask: 0o022,
    },
  });
  const { log, exit } = await runSpec(spec);
  const lines = log.trim().split('\n');
  assert.equal(lines[0], directoryOfHost);
  assert.equal(lines[1], execFileSync('readlink', ['/proc/self/ns/mnt'], { encoding: 'utf8' }).trim());
  assert.equal(lines[2], '4');
  assert.equal(exit.kind === 'exited' && exit.status, 0);
  const sleeping = await launchSandbox({ ...spec, command: { ...spec.command, argv: ['sleep', '1000'] } });
  sleeping.kill();
  assert.equal((await sleeping.exit).kind, 'killed');
});
