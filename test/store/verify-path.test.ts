import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { requires } from '../support/requires.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('verify-path');
const verifyOnce = fileURLToPath(new URL('../support/verify-once.js', import.meta.url));
let stores = 0;

/** A store with one path of several files; everything in it can be written to. */
async function damageable(): Promise<{ store: LocalStore; path: string; real: string }> {
  const store = await openTestStore(join(directory, `store-${++stores}`));
  const source = join(directory, `source-${stores}`);
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub/file'), 'contents');
  writeFileSync(join(source, 'program'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('program', join(source, 'link'));
  const { path } = await store.addPath({ name: 'tree', source });
  const real = store.realPath(path);
  for (const one of [real, join(real, 'sub')]) chmodSync(one, 0o755);
  for (const one of ['sub/file', 'program'])
    chmodSync(join(real, one), 0o755 & (one === 'program' ? 0o755 : 0o644));
  return { store, path, real };
}

const harmless: Readonly<Record<string, (real: string) => void>> = {
  nothing: () => {},
  'modes an archive does not hold': (real) => chmodSync(join(real, 'sub/file'), 0o640),
};

for (const [what, change] of Object.entries(harmless)) {
  test(`${what}: good`, async () => {
    const { store, path, real } = await damageable();
    await using _ = store;
    change(real);
    assert.deepEqual(await store.verifyPath(path), { kind: 'good' });
  });
}

const damages: Readonly<Record<string, (real: string) => void>> = {
  'a flipped bit': (real) => writeFileSync(join(real, 'sub/file'), 'contenus'),
  'a file that is gone': (real) => unlinkSync(join(real, 'sub/file')),
  'a file too many': (real) => writeFileSync(join(real, 'sub/more'), ''),
  'an x bit': (real) => chmodSync(join(real, 'program'), 0o644),
  'another target': (real) => {
    unlinkSync(join(real, 'link'));
    symlinkSync('elsewhere', join(real, 'link'));
  },
};

for (const [what, damage] of Object.entries(damages)) {
  test(`${what}: modified, with both hashes`, async () => {
    const { store, path, real } = await damageable();
    await using _ = store;
    damage(real);
    const { hash } = await native.hashTree(real, []);
    assert.deepEqual(await store.verifyPath(path), {
      kind: 'modified',
      expected: store.pathInfo(path).narHash,
      actual: { algorithm: 'sha256', hex: hash },
    });
  });
}

test('a path that is gone is missing, and one the store never had is not valid', async () => {
  const { store, path, real } = await damageable();
  await using _ = store;
  rmSync(real, { recursive: true });
  assert.deepEqual(await store.verifyPath(path), { kind: 'missing' });
  await assert.rejects(store.verifyPath(somePath('a')), { code: 'ERR_PATH_INVALID' });
});

test('a FIFO, and a file nobody may read, are damage', requires('linux'), async () => {
  const { store, path, real } = await damageable();
  await using _ = store;
  if (process.getuid?.() !== 0) {
    chmodSync(join(real, 'sub/file'), 0);
    assert.deepEqual(await store.verifyPath(path), { kind: 'unreadable', why: 'EACCES' });
    chmodSync(join(real, 'sub/file'), 0o644);
  }
  assert.deepEqual(await store.verifyPath(path), { kind: 'good' });
  execFileSync('mkfifo', [join(real, 'sub/fifo')]);
  assert.deepEqual(await store.verifyPath(path), { kind: 'unreadable', why: 'EFTYPE' });
});

test('what a damaged file system answers is damage', requires('linux', 'program:strace'), async () => {
  const { store, path, real } = await damageable();
  const { root } = store.directories;
  await store.close();
  const read = (below: string, call: string, error: string) => {
    const answer = ['-P', join(real, below), '-e', `inject=${call}:error=${error}`];
    const command = [...answer, process.execPath, verifyOnce, root!, path];
    const trace = ['-f', '-qq', '-o', join(directory, 'trace'), '-e', `trace=${call}`];
    const { stdout, stderr } = spawnSync('strace', [...trace, ...command], { encoding: 'utf8' });
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout);
  };
  for (const why of ['EUCLEAN', 'EBADMSG', 'EIO']) {
    assert.deepEqual(read('', 'statx,lstat,newfstatat', why), { kind: 'unreadable', why });
    assert.deepEqual(read('sub', 'getdents64', why), { kind: 'unreadable', why });
    assert.deepEqual(read('sub/file', 'read,pread64', why), { kind: 'unreadable', why });
  }
});

test('reading stops when it is told to', async () => {
  const { store, path, real } = await damageable();
  await using _ = store;
  // A sparse file that would take minutes.
  execFileSync('truncate', ['-s', '200G', join(real, 'sub/file')]);
  const abort = new AbortController();
  const verified = store.verifyPath(path, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(verified, { message: 'enough' });
});

test('a store that is open for reading can be verified', async () => {
  const { store, path, real } = await damageable();
  const { root } = store.directories;
  await store.close();
  await using readable = await openTestStore(root!, { readOnly: true });
  writeFileSync(join(real, 'program'), 'x');
  assert.equal((await readable.verifyPath(path)).kind, 'modified');
});
