import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { openTestStore, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// A store on a file system that is mounted read-only is served for reading, in whatever state it was left.
const directory = temporaryDirectory('read-only');
const needs = requires('linux', 'user-namespaces');
const script = fileURLToPath(new URL('../support/read-store-once.js', import.meta.url));
const addOnce = fileURLToPath(new URL('../support/add-once.js', import.meta.url));

const source = join(directory, 'source');
mkdirSync(source);
writeFileSync(join(source, 'file'), 'contents');

const databaseFiles = (root: string) => readdirSync(join(testDirectories(root).stateDir, 'db')).sort();

/** What the script prints that reads the store where all of `directory` is mounted read-only. */
function readMounted(root: string): Record<string, unknown> {
  const mount =
    'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && ! touch "$0/x" 2>/dev/null && exec "$@"';
  const args = [
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    mount,
    directory,
    process.execPath,
    script,
    root,
    source,
  ];
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

async function expected(root: string) {
  await using store = await openTestStore(root, { readOnly: true });
  const sorted = store.topologicalSort(store.validPaths());
  return {
    readOnly: true,
    dump: await text(Readable.from(store.dumpDatabase())),
    exported: (await buffer(Readable.from(store.exportPaths(sorted)))).toString('base64'),
    deadLocks: [`/nix/store/${oldLock}`],
    conditions: sorted.map(() => 'good'),
    names: 'directory',
    added: 'ERR_STORE_READ_ONLY',
    imported: 'ERR_STORE_READ_ONLY',
  };
}

/** By processes of their own: the last one to close the database, or to die, says what is left of its log. */
function addTo(root: string, name: string, end: 'closed' | 'killed'): void {
  const { status, signal } = spawnSync(process.execPath, [addOnce, root, source, name, end]);
  assert.deepEqual([status, signal], end === 'closed' ? [0, null] : [null, 'SIGKILL']);
}

/** A leftover that can be told from one in use by its lock. */
const oldLock = `${'0'.repeat(32)}-old.lock`;

function makeStore(name: string): string {
  const root = join(directory, name);
  addTo(root, 'tree', 'closed');
  writeFileSync(join(testDirectories(root).realStoreDir, oldLock), '');
  return root;
}

test('as it was closed', needs, async () => {
  const root = makeStore('closed');
  assert.ok(!databaseFiles(root).includes('db.sqlite-wal'));
  assert.deepEqual(readMounted(root), await expected(root));
});

test('as a killed process left it, with transactions that are in the log only', needs, async () => {
  const root = makeStore('killed');
  const before = await expected(root);
  addTo(root, 'only-in-the-log', 'killed');
  assert.deepEqual(databaseFiles(root).slice(1, 4), ['db.sqlite', 'db.sqlite-shm', 'db.sqlite-wal']);
  const read = readMounted(root);
  rmSync(join(testDirectories(root).stateDir, 'db/db.sqlite-shm'));
  const copied = readMounted(root);
  const now = await expected(root);
  assert.notEqual(now.dump, before.dump);
  assert.deepEqual(read, now);
  assert.deepEqual(copied, now);
});

test('while somebody writes to it through another mount', needs, async () => {
  const root = makeStore('written');
  await using store = await openTestStore(root);
  await store.addText({ name: 'late', contents: 'late', references: [] });
  const now = await expected(root);
  assert.deepEqual(readMounted(root), now);
});

test('with files that may not be written to', needs, async () => {
  const root = makeStore('protected');
  const { stateDir, realStoreDir } = testDirectories(root);
  const files = [
    ...databaseFiles(root).map((name) => join(stateDir, 'db', name)),
    join(stateDir, 'db'),
    stateDir,
    realStoreDir,
  ];
  for (const file of files) chmodSync(file, 0o555);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, root, source], {
    encoding: 'utf8',
  });
  for (const file of files) chmodSync(file, 0o755);
  assert.equal(status, 0, stderr);
  if (process.getuid?.() !== 0) assert.deepEqual(JSON.parse(stdout), await expected(root));
});

test('nothing is made where there is no store, and no other failure is taken for that', needs, async () => {
  const empty = join(directory, 'empty');
  mkdirSync(empty);
  chmodSync(empty, 0o555);
  const { status, stderr } = spawnSync(process.execPath, [script, empty, source], { encoding: 'utf8' });
  if (process.getuid?.() !== 0) {
    assert.equal(status, 1);
    assert.match(stderr, /ERR_STORE_OPEN/);
    assert.ok(!existsSync(join(empty, 'nix')));
  }
  await native.removeTree(empty);
});
