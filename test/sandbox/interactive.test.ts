import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InteractiveRequest, planInteractive } from '../../ts/sandbox/interactive.js';
import { describeIsolation } from '../../ts/sandbox/isolation.js';

const request: InteractiveRequest = {
  storeDir: '/nix/store',
  realStoreDir: '/home/me/.local/share/airplant/root/nix/store',
  ids: { uid: 1234, gid: 1234 },
  command: { path: '/bin/sh', argv: ['sh'], env: [['HOME', '/home/me']], cwd: '/home/me/src', umask: 0o27 },
  list: (directory) =>
    ({ '/': ['usr', 'proc', 'nix', 'home', 'bin', 'opt'], '/opt': ['tools', 'nix'], '/opt/nix': ['old'] })[
      directory
    ] ?? [],
};

const mounts = (change: Partial<InteractiveRequest>) =>
  planInteractive({ ...request, ...change }).entries.map((entry) =>
    entry.kind === 'bind' ? `${entry.target} = ${entry.source}${entry.readOnly ? ' (ro)' : ''}` : entry.kind,
  );

test('the host as it is, with /nix of the chroot store in place of its own', () => {
  assert.deepEqual(mounts({}), [
    '/bin = /bin',
    '/home = /home',
    '/opt = /opt',
    '/proc = /proc',
    '/usr = /usr',
    '/nix = /home/me/.local/share/airplant/root/nix',
    '/nix/store = /home/me/.local/share/airplant/root/nix/store (ro)',
  ]);
});

test('a store deeper in the host: what lies beside each directory on the way stays', () => {
  assert.deepEqual(mounts({ storeDir: '/opt/nix/store', realStoreDir: '/r/opt/nix/store' }), [
    '/bin = /bin',
    '/home = /home',
    '/nix = /nix',
    '/proc = /proc',
    '/usr = /usr',
    '/opt/tools = /opt/tools',
    '/opt/nix = /r/opt/nix',
    '/opt/nix/store = /r/opt/nix/store (ro)',
  ]);
});

test('a real store directory that is no chroot is shown alone', () => {
  assert.deepEqual(mounts({ storeDir: '/opt/nix/store', realStoreDir: '/data/s' }).slice(5), [
    '/opt/tools = /opt/tools',
    '/opt/nix/old = /opt/nix/old',
    '/opt/nix/store = /data/s (ro)',
  ]);
  assert.deepEqual(mounts({ storeDir: '/s', realStoreDir: '/data/s' }).slice(-1), ['/s = /data/s (ro)']);
});

test('working directory, ids, session and environment are the caller’s', () => {
  const spec = planInteractive(request);
  assert.deepEqual(spec.command, request.command);
  assert.deepEqual(spec.ids, { uid: 1234, gid: 1234 });
  assert.equal(spec.session, 'interactive');
  assert.deepEqual(describeIsolation(spec, []).namespaces, ['user', 'mount']);
});

test('a working directory that the store hides becomes the root', () => {
  const cwd = (path: string) =>
    planInteractive({ ...request, command: { ...request.command, cwd: path } }).command.cwd;
  assert.equal(cwd('/nix'), '/');
  assert.equal(cwd('/nix/store/x'), '/');
  assert.equal(cwd('/nixos'), '/nixos');
  assert.equal(cwd('/'), '/');
});
