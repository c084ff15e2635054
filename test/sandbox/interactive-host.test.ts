import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { planInteractive } from '../../ts/sandbox/interactive.js';
import { requires } from '../support/requires.js';
import { freshDirectory, runSpec } from '../support/sandbox.js';

/** Runs a script with the host's shell in the view that has a made-up chroot store at /nix. */
async function run(script: string, cwd = '/'): Promise<{ lines: string[]; chroot: string }> {
  const chroot = freshDirectory('chroot');
  mkdirSync(join(chroot, 'nix/store/abc-hello'), { recursive: true });
  mkdirSync(join(chroot, 'nix/var'));
  writeFileSync(join(chroot, 'nix/store/abc-hello/greeting'), 'hello\n');
  const spec = planInteractive({
    storeDir: '/nix/store',
    realStoreDir: join(chroot, 'nix/store'),
    ids: { uid: process.geteuid!(), gid: process.getegid!() },
    command: {
      path: '/bin/sh',
      argv: ['sh', '-c', script],
      env: [['PATH', process.env['PATH'] ?? '']],
      cwd,
      umask: 0o022,
    },
    list: (directory) => readdirSync(directory),
  });
  const { log, exit } = await runSpec(spec);
  assert.deepEqual(exit.kind === 'exited' && exit.status, 0, log);
  return { lines: log.trimEnd().split('\n'), chroot };
}

test(
  'the store is at its place, read-only, and its state beside it can be written',
  requires('user-namespaces'),
  async () => {
    const { lines, chroot } = await run(
      'cat /nix/store/abc-hello/greeting; (echo x > /nix/store/abc-hello/greeting) 2>/dev/null || echo refused; ' +
        'touch /nix/var/mark; ls -1 /nix',
    );
    assert.deepEqual(lines, ['hello', 'refused', 'store', 'var']);
    assert.ok(readdirSync(join(chroot, 'nix/var')).includes('mark'));
    assert.equal(readFileSync(join(chroot, 'nix/store/abc-hello/greeting'), 'utf8'), 'hello\n');
  },
);

test(
  'the rest is the host: files, user, processes, names, working directory',
  requires('user-namespaces'),
  async () => {
    const cwd = freshDirectory('cwd');
    const { lines } = await run(
      'pwd; id -u; id -g; ls -d /proc/$PPID; touch here; ls -A / | grep -vx nix',
      cwd,
    );
    assert.deepEqual(lines.slice(0, 3), [cwd, `${process.geteuid!()}`, `${process.getegid!()}`]);
    assert.match(lines[3]!, /^\/proc\/\d+$/);
    assert.deepEqual(
      lines.slice(4).sort(),
      readdirSync('/')
        .filter((name) => name !== 'nix')
        .sort(),
    );
    assert.deepEqual(readdirSync(cwd), ['here']);
  },
);
