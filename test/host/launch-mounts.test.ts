import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import type { SandboxEntry, SandboxSpec } from '../../ts/sandbox/spec.js';
import { compileFixture } from '../support/compile.js';
import { requires } from '../support/requires.js';
import {
  bind,
  directory,
  freshDirectory,
  outputOf,
  runSpec,
  sandboxSpec,
  scriptSpec,
  usualEntries,
} from '../support/sandbox.js';

const needs = requires('user-namespaces', 'program:busybox', 'program:cc');

/** Runs a script with further entries; the log, whatever the script's status. */
async function logWith(entries: readonly SandboxEntry[], script: string, more: Partial<SandboxSpec> = {}) {
  return (
    await runSpec(scriptSpec(script, { entries: [...usualEntries(), ...entries], ...more }))
  ).log.trim();
}

/** What the probe (fixtures/native/probe.c) achieves against `target`. */
async function probe(entries: readonly SandboxEntry[], target: string, words: readonly string[]) {
  const spec = sandboxSpec(['probe', ...words]);
  const { log } = await runSpec({
    ...spec,
    entries: [...spec.entries, bind(compileFixture('probe'), '/bin/probe'), ...entries],
    command: { ...spec.command, env: [['TARGET', target]] },
  });
  return log.trim().split('\n');
}

function inputDirectory(): string {
  const input = freshDirectory('input');
  writeFileSync(join(input, 'file'), 'content');
  return input;
}

describe('read-only binds', needs, () => {
  test('cannot be written, changed or added to', async () => {
    const input = inputDirectory();
    const before = statSync(join(input, 'file'));
    const entries = [bind(input, '/input')];
    assert.deepEqual(await probe(entries, '/input/file', ['write', 'chmod', 'touch', 'unlink']), [
      'write: EROFS',
      'chmod: EROFS',
      'touch: EROFS',
      'unlink: EROFS',
    ]);
    assert.deepEqual(await probe(entries, '/input', ['create', 'chmod']), ['create: EROFS', 'chmod: EROFS']);
    assert.equal(statSync(join(input, 'file')).mtimeMs, before.mtimeMs);
  });

  test('cannot be made writable or taken away, nor from a namespace of the builder’s own', async () => {
    const entries = [bind(inputDirectory(), '/input')];
    assert.deepEqual(await probe(entries, '/input', ['remount', 'unmount']), [
      'remount: EPERM',
      'unmount: EPERM',
    ]);
    // Inside, with every capability: the mount is locked.
    assert.deepEqual(await probe(entries, '/input', ['nested', 'remount', 'unmount', 'create']), [
      'nested: ok',
      'remount: EPERM',
      'unmount: EINVAL',
      'create: EROFS',
    ]);
  });

  test('a writable bind of the same directory elsewhere stays writable', async () => {
    const input = inputDirectory();
    const log = await logWith(
      [bind(input, '/input'), bind(input, '/output', { readOnly: false })],
      'echo new >/output/new && cat /input/new; echo x >/input/other || echo refused',
    );
    assert.match(log, /^new\n.*Read-only file system\nrefused$/);
  });

  test('nsjail cc987ec: include what is mounted below the source', async () => {
    // A namespace in which a file system is mounted below the input, and a launcher inside it.
    const input = inputDirectory();
    mkdirSync(join(input, 'below'));
    const script = `
      import { bind, runSpec, scriptSpec, usualEntries } from '${new URL('../support/sandbox.js', import.meta.url)}';
      const script = 'ls /input/below; echo x >/input/below/here; chmod 777 /input/below/here; grep -c "/input.* ro," /proc/self/mountinfo';
      const { log } = await runSpec(scriptSpec(script, { entries: [...usualEntries(), bind('${input}', '/input')] }));
      process.stdout.write(log);
      const again = await runSpec(scriptSpec('echo x >/input/below/here && cat /input/below/here', { entries: [...usualEntries(), bind('${input}', '/input', { readOnly: false })] }));
      process.stdout.write(again.log);`;
    writeFileSync(join(input, 'try.mjs'), script);
    const out = execFileSync(
      'unshare',
      [
        '--user',
        '--map-root-user',
        '--mount',
        '--pid',
        '--fork',
        '--mount-proc',
        'sh',
        '-c',
        `
        mount -t tmpfs tmpfs ${input}/below && touch ${input}/below/here && exec ${process.execPath} ${input}/try.mjs`,
      ],
      { encoding: 'utf8' },
    );
    assert.match(out, /^here\n.*Read-only file system\n.*Read-only file system\n2\nx\n$/);
  });
});

describe('entries', needs, () => {
  test('directories, files and symlinks, with their modes', async () => {
    const log = await logWith(
      [
        directory('/a/b/c', 0o2711),
        { kind: 'file', target: '/etc/hosts', mode: 0o444, contents: '127.0.0.1 localhost\n', why: 'test' },
        {
          kind: 'file',
          target: '/etc/bytes',
          mode: 0o600,
          contents: `\0${String.fromCharCode(0xdcff)}`,
          why: 'test',
        },
        { kind: 'symlink', target: '/etc/link', to: '../nowhere', why: 'test' },
        directory('/', 0o555),
      ],
      `stat -c '%a %n' / /a /a/b /a/b/c /etc/hosts /etc/bytes; cat /etc/hosts; od -An -tx1 /etc/bytes; readlink /etc/link`,
    );
    assert.equal(
      log,
      [
        '555 /',
        '755 /a',
        '755 /a/b',
        '2711 /a/b/c',
        '444 /etc/hosts',
        '600 /etc/bytes',
        '127.0.0.1 localhost',
        ' 00 ff',
        '../nowhere',
      ].join('\n'),
    );
  });

  test('a root that is a tmpfs', async () => {
    const log = await logWith(
      [],
      'echo yes >/new; cat /new; grep -c " / / .*tmpfs" /proc/self/mountinfo; ls -1 /',
      {
        root: { kind: 'tmpfs' },
      },
    );
    assert.match(log, /^yes\n1\nbin\nbuild\ndev\nnew\nproc\ntmp$/);
  });

  for (const kind of ['directory', 'tmpfs'] as const) {
    test(`a root that is a ${kind}, read-only but for what is mounted in it`, async () => {
      const place = kind === 'tmpfs' ? { kind } : { kind, path: freshDirectory('root') };
      const log = await logWith(
        [bind(inputDirectory(), '/work', { readOnly: false })],
        `for place in / /bin /tmp /work /dev/shm; do (echo x > $place/new) 2>/dev/null && echo $place; done
         cut -d' ' -f5,6 /proc/self/mountinfo | grep '^/ '`,
        { root: { ...place, readOnly: true } },
      );
      assert.match(log, /^\/work\n\/dev\/shm\n\/ ro,nosuid,nodev/);
    });
  }

  test('nothing of the host but the sources', async () => {
    const log = await logWith([], 'cut -d" " -f5 /proc/self/mountinfo; ls -a / /..');
    const mounts = log.slice(0, log.indexOf('/:')).trim().split('\n');
    assert.deepEqual(mounts.filter((path) => !path.startsWith('/proc/')).sort(), [
      '/',
      '/bin/busybox',
      '/bin/sh',
      '/dev/full',
      '/dev/null',
      '/dev/pts',
      '/dev/random',
      '/dev/shm',
      '/dev/tty',
      '/dev/urandom',
      '/dev/zero',
      '/proc',
    ]);
    assert.doesNotMatch(log, /home|usr|var/);
  });

  test('every mount is nosuid, and nodev but for devices', async () => {
    const log = await logWith(
      [bind(inputDirectory(), '/input'), bind(inputDirectory(), '/work', { readOnly: false })],
      'cut -d" " -f5,6 /proc/self/mountinfo',
    );
    for (const line of log.split('\n')) {
      assert.match(line, /nosuid/);
      if (!line.startsWith('/dev/')) assert.match(line, /nodev/);
    }
    assert.match(log, /^\/input ro,/m);
    assert.match(log, /^\/work rw,/m);
  });

  test('bazel#15681: symlinks are recreated with their time, or followed', async () => {
    const input = inputDirectory();
    symlinkSync('file', join(input, 'link'));
    execFileSync('touch', ['-h', '-d', '@1', join(input, 'link')]);
    const log = await logWith(
      [
        bind(join(input, 'link'), '/kept', { follow: false }),
        bind(join(input, 'link'), '/followed', { follow: true }),
      ],
      'readlink /kept; stat -c %Y /kept; cat /followed',
    );
    assert.equal(log, 'file\n1\ncontent');
  });

  test('in the place of a resolved source, and on the way there, no symlink is followed', async () => {
    const place = freshDirectory('resolved');
    mkdirSync(join(place, 'data/inner'), { recursive: true });
    writeFileSync(join(place, 'data/inner/file'), 'content');
    symlinkSync('data', join(place, 'link'));
    symlinkSync('inner', join(place, 'data/link'));
    const shown = (name: string, more = {}) => [
      bind(join(place, name), '/shown', { resolved: true, ...more }),
    ];
    assert.equal(await logWith(shown('data'), 'cat /shown/inner/file'), 'content');
    assert.equal(await logWith(shown('data/inner/file'), 'cat /shown'), 'content');
    // A link that is there is not missing.
    for (const name of ['link', 'link/inner', 'data/link', 'data/link/file'])
      for (const optional of [false, true])
        await assert.rejects(logWith(shown(name, { optional }), 'true'), (error) => {
          assert.ok(isAirplantError(error, 'ERR_SANDBOX_SETUP'));
          assert.deepEqual(error.details, { step: 'bind', errno: 'ELOOP', path: join(place, name) });
          return true;
        });
    for (const name of ['missing', 'data/inner/file/none']) {
      const nothing = await logWith(shown(name, { optional: true }), 'ls -d /shown 2>/dev/null || echo none');
      assert.equal(nothing, 'none');
    }
  });

  test('CVE-2024-42472: a source that is exchanged for a symlink, over and over, is itself or an error', async () => {
    const place = freshDirectory('spun');
    for (const name of ['data', 'elsewhere']) {
      mkdirSync(join(place, name));
      writeFileSync(join(place, name, 'file'), name);
    }
    symlinkSync('elsewhere', join(place, 'link'));
    const source = join(place, 'data/file');
    const spinner = spawn(compileFixture('exchange'), [join(place, 'data'), join(place, 'link')]);
    const seen = { data: 0, ELOOP: 0, ENOENT: 0 };
    try {
      for (let round = 0; round < 100 || seen.data === 0 || seen.ELOOP === 0; round++) {
        const entry = bind(source, '/shown', { resolved: true } as Partial<SandboxEntry>);
        const what = await logWith([entry], 'cat /shown').catch((error) => error.details.errno);
        assert.ok(what in seen, what);
        seen[what as keyof typeof seen]++;
        assert.ok(round < 5000, 'no symlink was met');
      }
    } finally {
      spinner.kill('SIGKILL');
      await once(spinner, 'close');
    }
  });

  test('optional sources may be missing, others not', async () => {
    const missing = join(freshDirectory(), 'missing');
    assert.equal(
      await logWith([bind(missing, '/x', { optional: true })], 'ls -d /x 2>/dev/null || echo none'),
      'none',
    );
    assert.equal(
      await logWith(
        [bind(join('/dev/null', 'x'), '/x', { optional: true })],
        'ls -d /x 2>/dev/null || echo none',
      ),
      'none',
    );
    await assert.rejects(logWith([bind(missing, '/x')], 'true'), (error) => {
      assert.ok(isAirplantError(error, 'ERR_SANDBOX_SETUP'));
      assert.deepEqual(error.details, { step: 'bind', errno: 'ENOENT', path: missing });
      return true;
    });
  });

  test('CVE-2025-31133: a device must be the device it should be', async () => {
    const wrong = bind('/dev/zero', '/dev/mem', { device: { major: 1, minor: 1 } } as never);
    await assert.rejects(logWith([wrong], 'true'), (error) => {
      assert.ok(isAirplantError(error, 'ERR_SANDBOX_SETUP'));
      assert.deepEqual(error.details, { step: 'verify-device', errno: 'ENODEV', path: '/dev/zero' });
      return true;
    });
  });

  test('names with spaces, newlines, backslashes and odd bytes', async () => {
    const odd = `a b\n\\040${String.fromCharCode(0xdcff)}é`;
    const root = freshDirectory('odd root \\ x');
    const log = await logWith(
      [
        { kind: 'file', target: `/${odd}/file`, mode: 0o644, contents: 'odd', why: 'test' },
        bind(inputDirectory(), `/${odd}/input`),
      ],
      'cat /a*/file /a*/input/file; ls / | od -An -c | head -3',
      { root: { kind: 'directory', path: root } },
    );
    assert.match(log, /^oddcontent/);
  });

  test('later entries build on earlier mounts', async () => {
    const log = await logWith(
      [
        directory('/t'),
        { kind: 'file', target: '/t/hidden', mode: 0o644, contents: '', why: 'test' },
        { kind: 'tmpfs', target: '/t', mode: 0o755, size: '1m', why: 'test' },
        { kind: 'file', target: '/t/shown', mode: 0o644, contents: '', why: 'test' },
      ],
      'ls /t; df -k /t | tail -1 | tr -s " " | cut -d" " -f2',
    );
    assert.equal(log, 'shown\n1024');
  });
});

describe('targets never lead out of the root', needs, () => {
  const canary = () => {
    const place = freshDirectory('canary');
    return { place, intact: () => assert.deepEqual(readdirSync(place), []) };
  };
  const refuses = async (
    entries: readonly SandboxEntry[],
    errno: RegExp,
    more: Partial<SandboxSpec> = {},
  ) => {
    await assert.rejects(logWith(entries, 'true', more), (error) => {
      assert.ok(isAirplantError(error, 'ERR_SANDBOX_SETUP'), String(error));
      assert.match(String(error.details['errno']), errno);
      return true;
    });
  };

  test('bazel#28515: through a symlink among the parents', async () => {
    const { place, intact } = canary();
    const link = { kind: 'symlink', target: '/out', to: place, why: 'test' } as const;
    await refuses([link, directory('/out/made')], /ENOTDIR|ELOOP/);
    await refuses([link, bind(inputDirectory(), '/out/bound')], /ENOTDIR|ELOOP/);
    await refuses(
      [link, { kind: 'file', target: '/out/file', mode: 0o644, contents: 'x', why: 'test' }],
      /ENOTDIR/,
    );
    intact();
  });

  test('or as a symlink themselves', async () => {
    const { place, intact } = canary();
    const link = { kind: 'symlink', target: '/out', to: join(place, 'file'), why: 'test' } as const;
    await refuses(
      [link, { kind: 'file', target: '/out', mode: 0o644, contents: 'x', why: 'test' }],
      /EEXIST/,
    );
    await refuses([link, bind('/dev/null', '/out')], /ELOOP/);
    await refuses([link, directory('/out')], /ENOTDIR|ELOOP/);
    intact();
  });

  test('CVE-2026-41579, CVE-2026-47766, CVE-2019-18837: through a symlink that lies in the root already', async () => {
    const { place, intact } = canary();
    const root = freshDirectory('root');
    symlinkSync(place, join(root, 'dev'));
    await refuses([], /ENOTDIR/, { root: { kind: 'directory', path: root } });
    intact();
  });

  test('by dots', async () => {
    for (const target of ['/../x', '/a/../../x', '/a/./b', '/..', '/.']) {
      await refuses([directory(target)], /EINVAL/);
    }
  });

  test('a root that is a symlink is refused', async () => {
    const { place } = canary();
    const link = join(freshDirectory(), 'root');
    symlinkSync(place, link);
    await refuses([], /ENOTDIR|ELOOP/, { root: { kind: 'directory', path: link } });
  });

  test('CVE-2024-45310: while somebody exchanges a directory for a symlink in a writable bind', async () => {
    const { place, intact } = canary();
    const shared = freshDirectory('shared');
    mkdirSync(join(shared, 'a'));
    symlinkSync(place, join(shared, 'b'));
    const spinner = spawn(compileFixture('exchange'), [join(shared, 'a'), join(shared, 'b')]);
    try {
      const entries = [
        bind(shared, '/shared', { readOnly: false }),
        { kind: 'file', target: '/shared/a/file', mode: 0o644, contents: 'x', why: 'test' } as const,
      ];
      for (let i = 0; i < 60; i++) await logWith(entries, 'true').catch(() => {});
    } finally {
      spinner.kill('SIGKILL');
      await once(spinner, 'exit');
    }
    intact();
  });
});

test('mounts do not outlive the sandbox, nor show on the host', needs, async () => {
  const before = readFileSync('/proc/self/mountinfo', 'utf8');
  const spec = scriptSpec('true');
  await runSpec(spec);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before);
  assert.deepEqual(readdirSync(join((spec.root as { path: string }).path, 'proc')), []);
  assert.equal(readlinkSync('/proc/self/ns/mnt').startsWith('mnt:'), true);
  assert.equal(await outputOf('echo done'), 'done');
});
