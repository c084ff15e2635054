import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveStoreDirectories } from '../../ts/store/directories.js';

// No test may depend on whether the caller can write /nix/store, so `auto` is tried with variables only.
const resolved = (store: string, env: Record<string, string> = {}) => resolveStoreDirectories({ store, env });

test('an absolute path is a chroot store, as to Nix', () => {
  const expected = {
    storeDir: '/nix/store',
    realStoreDir: '/data/x/nix/store',
    stateDir: '/data/x/nix/var/nix',
    logDir: '/data/x/nix/var/log/nix',
    root: '/data/x',
  };
  assert.deepEqual(resolved('/data/x'), expected);
  assert.deepEqual(resolved('/data//y/../x/'), expected);
  assert.deepEqual(resolved('local?root=/data/x'), expected);
  assert.deepEqual(resolved('local?root=%2Fdata%2Fx&trusted=1'), expected);
  assert.deepEqual(resolved('auto', { NIX_REMOTE: '/data/x' }), expected);
  assert.deepEqual(resolved('./x').root, `${process.cwd()}/x`);
});

test('the parameters of a local store override one by one', () => {
  assert.deepEqual(resolved('local?root=/r&real=/real&state=/state&log=/log&store=/gnu/store'), {
    storeDir: '/gnu/store',
    realStoreDir: '/real',
    stateDir: '/state',
    logDir: '/log',
    root: '/r',
  });
  assert.deepEqual(resolved('local?real=/real'), {
    storeDir: '/nix/store',
    realStoreDir: '/real',
    stateDir: '/nix/var/nix',
    logDir: '/nix/var/log/nix',
  });
});

test('NIX_* variables move the store, and state goes with it', () => {
  assert.deepEqual(resolved('auto', { NIX_STORE_DIR: '/home/u/own/store/' }), {
    storeDir: '/home/u/own/store',
    realStoreDir: '/home/u/own/store',
    stateDir: '/home/u/own/var/nix',
    logDir: '/home/u/own/var/log/nix',
  });
  assert.deepEqual(resolved('local', { NIX_STORE_DIR: '/s', NIX_STATE_DIR: '/state', NIX_LOG_DIR: '/log' }), {
    storeDir: '/s',
    realStoreDir: '/s',
    stateDir: '/state',
    logDir: '/log',
  });
  assert.throws(() => resolved('local', { NIX_STORE_DIR: '/s' }), { code: 'ERR_SETTING' });
  // A chroot store keeps its own state wherever the variables point.
  assert.equal(resolved('/r', { NIX_STATE_DIR: '/state' }).stateDir, '/r/nix/var/nix');
});

test('without a writable /nix/store, auto is a store in the data directory of the user', () => {
  const auto = (env: Record<string, string>) => resolveStoreDirectories({ env }).root;
  // As root on a machine with /nix, `auto` is /nix/store, rightly.
  if (auto({ HOME: '/home/u' }) === undefined) return;
  assert.equal(auto({ HOME: '/home/u' }), '/home/u/.local/share/airplant/root');
  assert.equal(auto({ HOME: '/home/u', XDG_DATA_HOME: '/data' }), '/data/airplant/root');
  assert.equal(auto({ HOME: '/home/u', XDG_DATA_HOME: 'data' }), '/home/u/.local/share/airplant/root');
});

test('what is no store on disk is refused by name', () => {
  for (const store of ['daemon', 'unix:///x', 'ssh://host', 'https://cache.example.org', 'localhost', 'x/y'])
    assert.throws(() => resolved(store), { code: 'ERR_STORE_OPEN', message: new RegExp(store) }, store);
  assert.throws(() => resolved('auto', { NIX_REMOTE: 'daemon' }), { code: 'ERR_STORE_OPEN' });
  assert.throws(() => resolved('local?root=x'), { code: 'ERR_SETTING' });
  assert.throws(() => resolved('local', { NIX_STORE_DIR: 'store' }), { code: 'ERR_SETTING' });
});
