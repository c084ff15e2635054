import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import { findDefaultShell } from '../../ts/sandbox/default-shell.js';
import { deviceEntries } from '../../ts/sandbox/linux-devices.js';
import { plainRequest } from '../../ts/sandbox/plain-request.js';
import { hostLoaderFiles } from '../../ts/sandbox/program-files.js';
import type { BuildRequest } from '../../ts/sandbox/request.js';
import { inheritedDescriptors } from '../support/inherited-limits.js';
import { hostPath, PlannedPlace, shellPaths } from '../support/planned-builds.js';
import { requires } from '../support/requires.js';
import { freshDirectory, runSpec } from '../support/sandbox.js';

/** Plans and runs a script with busybox's applets at hand; `prepare` fills the store beforehand. */
async function run(
  script: string,
  change: Partial<BuildRequest> = {},
  prepare: (store: string) => void = () => {},
): Promise<{ lines: string[]; outputs: string }> {
  const place = new PlannedPlace(freshDirectory('place'));
  const { store, outputs } = place;
  prepare(store);
  const request = plainRequest('/nix/store/0-out', {
    name: 'test',
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: ['-euc', script],
    hostPaths: shellPaths,
    ...change,
  });
  const { log, exit } = await runSpec(place.plan(request));
  assert.deepEqual(exit.kind === 'exited' && exit.status, 0, log);
  return { lines: log.trimEnd().split('\n'), outputs };
}

test(
  'inputs of every kind: a directory and a file read-only, a symlink as itself',
  requires('user-namespaces'),
  async () => {
    const inputs = ['/nix/store/1-directory', '/nix/store/2-file', '/nix/store/3-link'];
    const { lines } = await run(
      `cd /nix/store
    for f in 1-directory/x 2-file; do
      (echo bad > $f) 2>/dev/null || echo refused; /bin/busybox chmod 777 $f 2>/dev/null || echo refused
    done
    /bin/busybox readlink 3-link; /bin/busybox cat 3-link 1-directory/x`,
      { inputs },
      (store) => {
        mkdirSync(join(store, '1-directory'));
        writeFileSync(join(store, '1-directory/x'), 'x\n');
        writeFileSync(join(store, '2-file'), 'file\n');
        symlinkSync('2-file', join(store, '3-link'));
      },
    );
    assert.deepEqual(lines, ['refused', 'refused', 'refused', 'refused', '2-file', 'file', 'x']);
  },
);

test('an output lies in its directory afterwards, with its mode', requires('user-namespaces'), async () => {
  const { outputs } = await run('echo x > $out; /bin/busybox chmod 751 $out');
  assert.equal(lstatSync(join(outputs, '0-out')).mode & 0o7777, 0o751);
});

test(
  'what is writable: the build, the outputs, shared memory and /tmp, and nothing else',
  requires('user-namespaces'),
  async () => {
    const { lines } = await run(
      `for place in / /bin /dev /etc /nix; do
       (echo x > $place/new) 2>/dev/null && echo "$place/new"
       /bin/busybox mkdir $place/made 2>/dev/null && echo "$place/made"
       /bin/busybox chmod 777 $place 2>/dev/null && echo "$place"
     done
     for place in /build /tmp /dev/shm /nix/store; do echo x > $place/new || echo "not $place"; done
     echo x > $out; : end`,
    );
    assert.deepEqual(lines, ['']);
  },
);

test(
  'every mount is nosuid and, but for devices, nodev; few are writable',
  requires('user-namespaces'),
  async () => {
    const input = '/nix/store/1-directory';
    const { lines } = await run(
      'while read -r line; do echo "$line"; done < /proc/self/mountinfo',
      { inputs: [input] },
      (store) => mkdirSync(join(store, '1-directory')),
    );
    const writable: string[] = [];
    for (const line of lines) {
      const [, , , , path, options] = line.split(' ') as [string, string, string, string, string, string];
      const flags = new Set(options.split(','));
      // Root is given protection for its settings there, which are mounts of their own.
      if (path.startsWith('/proc/')) assert.ok(flags.has('ro'), line);
      assert.ok(flags.has('nosuid'), line);
      assert.equal(flags.has('nodev'), !path.startsWith('/dev/') || path === '/dev/shm', line);
      if (flags.has('rw')) writable.push(path);
    }
    assert.deepEqual(writable.sort(), ['/build', '/dev/pts', '/dev/shm', '/nix/store', '/proc', '/tmp']);
    assert.ok(lines.some((line) => line.split(' ')[4] === input));
  },
);

test(
  'host paths: read-only, writable where declared, skipped where optional',
  requires('user-namespaces'),
  async () => {
    const [fixed, free] = [freshDirectory('fixed'), freshDirectory('free')];
    const hostPaths = [
      ...shellPaths,
      hostPath('/fixed', fixed),
      hostPath('/some/where/free', free, { readOnly: false }),
      hostPath('/none', join(free, 'none'), { optional: true }),
    ];
    const { lines } = await run(
      `(echo x > /fixed/x) 2>/dev/null || echo refused
    echo x > /some/where/free/x
    test -e /none || echo skipped`,
      { hostPaths },
    );
    assert.deepEqual(lines, ['refused', 'skipped']);
    assert.deepEqual([readdirSync(fixed), readdirSync(free)], [[], ['x']]);
  },
);

test(
  'a machine without /dev/kvm has builds that may see it, and shows none',
  requires('user-namespaces'),
  async () => {
    const place = new PlannedPlace(freshDirectory('place'));
    const plan = place.plan(
      plainRequest('/nix/store/0-out', {
        name: 'test',
        system: 'x86_64-linux',
        builder: '/bin/sh',
        args: ['-euc', 'test -e /dev/kvm || echo none; test -c /dev/null && echo null'],
        hostPaths: shellPaths,
      }),
    );
    const gone = join(freshDirectory('dev'), 'kvm');
    const kvm = deviceEntries({ kvm: true })
      .filter(({ target }) => target === '/dev/kvm')
      .map((entry) => ({ ...entry, source: gone }));
    assert.equal(kvm.length, 1);
    const { log } = await runSpec({ ...plan, entries: [...plan.entries, ...kvm] });
    assert.equal(log, 'none\nnull\n');
  },
);

test(
  'a host path that is missing fails with the path and the way out',
  requires('user-namespaces'),
  async () => {
    await assert.rejects(
      run(':', { hostPaths: [...shellPaths, hostPath('/x', '/no/such/path')] }),
      (error) => {
        assert.ok(isAirplantError(error, 'ERR_SANDBOX_SETUP'));
        assert.match(error.message, /\/no\/such\/path/);
        assert.match(error.hint, /end it with `\?`/);
        return true;
      },
    );
  },
);

test(
  "the host's own shell starts with what was found for it, in an otherwise empty sandbox",
  requires('user-namespaces'),
  async () => {
    const shell = findDefaultShell({ busyboxes: [], files: hostLoaderFiles, isExecutable: () => true });
    assert.equal(shell?.kind, 'host');
    const { lines } = await run('echo $((6 * 7))', { hostPaths: shell.paths });
    assert.deepEqual(lines, ['42']);
  },
);

test('limits are constants, as far as the inherited ones allow', requires('user-namespaces'), async () => {
  const descriptors = Math.min(65536, inheritedDescriptors());
  const { lines } = await run('ulimit -c; ulimit -s; ulimit -n; ulimit -f');
  assert.deepEqual(lines, ['0', '8192', String(descriptors), 'unlimited']);
});
