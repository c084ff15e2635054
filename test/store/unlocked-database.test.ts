import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Database } from '../../ts/store/database.js';
import { requires } from '../support/requires.js';
import { openTestStore, startScript, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Stores that somebody else writes to, and whose locks whoever reads cannot have.
const directory = temporaryDirectory('unlocked-database');
chmodSync(directory, 0o755);
const databaseFile = (root: string) => join(testDirectories(root).stateDir, 'db/db.sqlite');

/** Somebody who uses the store in a process of his own. */
async function startUser(root: string, options: object = {}, uid?: number) {
  const user = startScript(
    'store-as-user',
    root,
    JSON.stringify(options),
    ...(uid === undefined ? [] : [`${uid}`]),
  );
  assert.equal(await user.said(), 'ready');
  const ask = async (line: string) => {
    const answer = user.said();
    user.child.stdin.write(`${line}\n`);
    return await answer;
  };
  const die = async () => {
    user.child.stdin.write('die\n');
    assert.deepEqual(await user.exit, [null, 'SIGKILL']);
  };
  const leave = async () => {
    await ask('close');
    user.child.stdin.end();
    assert.deepEqual(await user.exit, [0, null]);
  };
  return { ask, die, leave };
}

/** Takes the permission to write away from the only user, or gives it back. */
function protect(root: string, isProtected: boolean): void {
  const database = join(testDirectories(root).stateDir, 'db');
  chmodSync(database, 0o755);
  for (const name of readdirSync(database))
    if (name.startsWith('db.sqlite')) chmodSync(join(database, name), isProtected ? 0o444 : 0o644);
  if (isProtected) chmodSync(database, 0o555);
}

const ordinary = process.getuid?.() === 0 ? { skip: 'root may write to everything' } : {};

test('a store that may not be written to is read as its owner has changed it', ordinary, async () => {
  const root = join(directory, 'protected');
  let owner = await startUser(root);
  const expected = [await owner.ask('add first')];
  await owner.leave();
  protect(root, true);
  await using reader = await openTestStore(root, { readOnly: true });
  assert.deepEqual(reader.validPaths(), expected);
  for (let n = 0; n < 4; n++) {
    protect(root, false);
    owner = await startUser(root);
    for (let m = 0; m < 20; m++) expected.push(await owner.ask(`add path-${n}-${m}`));
    // Sometimes also while he has it open: from then on there are locks to be had.
    if (n >= 2) assert.deepEqual(reader.validPaths().sort(), expected.toSorted());
    await owner.leave();
    protect(root, true);
    assert.deepEqual(reader.validPaths().sort(), expected.toSorted());
    for (const path of expected) assert.deepEqual(reader.references(path), []);
  }
  protect(root, false);
});

test(
  'what a killed writer has left in the log is read, and what his successor writes as well',
  ordinary,
  async () => {
    for (const useSqliteWal of [true, false]) {
      const root = join(directory, `killed-${useSqliteWal}`);
      const first = await startUser(root, { settings: { useSqliteWal } });
      const expected = [await first.ask('add first')];
      await first.die();
      if (useSqliteWal) assert.ok(lstatSync(`${databaseFile(root)}-wal`).size > 0);
      protect(root, true);
      await using reader = await openTestStore(root, { readOnly: true });
      assert.deepEqual(reader.validPaths(), expected);
      protect(root, false);
      const second = await startUser(root, { settings: { useSqliteWal } });
      expected.push(await second.ask('add second'));
      await second.ask('close');
      protect(root, true);
      assert.deepEqual(reader.validPaths().sort(), expected.toSorted());
    }
  },
);

test('half a transaction of a killed writer is not there', ordinary, async () => {
  const root = join(directory, 'hot');
  const settings = { useSqliteWal: false };
  let path: string;
  {
    await using store = await openTestStore(root, { settings });
    path = await store.addText({ name: 'whole', contents: '', references: [] });
  }
  const file = databaseFile(root);
  const half = startScript('half-transaction', file);
  assert.equal(await half.said(), 'written');
  half.child.kill('SIGKILL');
  await half.exit;
  assert.ok(lstatSync(`${file}-journal`).size > 0);
  protect(root, true);
  await using reader = await openTestStore(root, { readOnly: true });
  assert.deepEqual(reader.validPaths(), [path]);
  assert.deepEqual(await reader.checkDatabase({ thorough: true }), []);
  protect(root, false);
});

test('while others write all the time, what is read without locks is whole', async () => {
  const root = join(directory, 'busy');
  const owner = await startUser(root);
  await owner.ask('add first');
  await owner.ask('close');
  const reader = await Database.open({
    file: databaseFile(root),
    readOnly: true,
    create: false,
    journal: 'wal',
    unlocked: true,
    synchronous: 'normal',
  });
  let isDone = false;
  const writing = (async () => {
    for (let n = 0; n < 40; n++) {
      await owner.ask(`add path-${n}`);
      if (n % 3 === 0) await owner.ask('close');
    }
    await owner.ask('close');
    isDone = true;
  })();
  let known = 0;
  while (!isDone) {
    const paths = reader.validPaths();
    assert.ok(paths.length >= known, `${paths.length} after ${known}`);
    known = paths.length;
    assert.deepEqual(reader.topologicalSort(paths).sort(), paths.sort());
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  await writing;
  assert.equal(reader.validPaths().length, 41);
  reader.close();
});

test('to read a copy takes no locks from other connections of the process', requires('linux'), async () => {
  const root = join(directory, 'locks');
  await using store = await openTestStore(root);
  await store.addText({ name: 'a', contents: '', references: [] });
  const file = databaseFile(root);
  assert.ok(lstatSync(`${file}-wal`).size > 0);
  const { ino } = lstatSync(file);
  const locks = () =>
    readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `)).length;
  assert.equal(locks(), 1);
  const copy = await Database.open({
    file,
    readOnly: true,
    create: false,
    journal: 'wal',
    unlocked: true,
    synchronous: 'normal',
  });
  assert.equal(copy.validPaths().length, 1);
  copy.close();
  assert.equal(locks(), 1);
});

test('on a file system shared by hosts, whoever reads waits for those who write', async () => {
  const root = join(directory, 'shared');
  const fileSystemType = () => 'nfs4';
  const settings = { useSqliteWal: false };
  await using store = await openTestStore(root, { fileSystemType, settings });
  const path = await store.addText({ name: 'a', contents: '', references: [] });
  const file = databaseFile(root);
  // As SQLite's unix-dotfile locks it, here for another host.
  mkdirSync(`${file}.lock`);
  const release = startScript('release-soon', `${file}.lock`);
  assert.equal(await release.said(), 'waiting');
  await using reader = await openTestStore(root, { fileSystemType, readOnly: true });
  assert.deepEqual(reader.validPaths(), [path]);
  assert.ok(existsSync(`${file}.released`));
});

test('whoever reads goes by the journal that the database has, whatever he expects', async () => {
  for (const useSqliteWal of [true, false]) {
    const root = join(directory, `other-${useSqliteWal}`);
    await using store = await openTestStore(root, { settings: { useSqliteWal } });
    const path = await store.addText({ name: 'a', contents: '', references: [] });
    for (const type of ['nfs4', 'cifs', 'ext4']) {
      await using reader = await openTestStore(root, { readOnly: true, fileSystemType: () => type });
      assert.deepEqual(reader.validPaths(), [path], type);
    }
    const later = await store.addText({ name: 'b', contents: '', references: [] });
    await using expecting = await openTestStore(root, {
      readOnly: true,
      settings: { useSqliteWal: !useSqliteWal },
    });
    assert.ok(expecting.isValid(later));
  }
});

test('a link in the place of shared memory is not followed', async () => {
  const root = join(directory, 'link');
  const owner = await startUser(root);
  await owner.ask('add first');
  await owner.leave();
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'kept', { mode: 0o400 });
  symlinkSync(victim, `${databaseFile(root)}-shm`);
  await openTestStore(root).then(
    (store) => store.close(),
    () => {},
  );
  assert.equal(lstatSync(victim).mode & 0o777, 0o400);
});

test('as root: a store of one user is read by another while its owner writes', requires('root'), async () => {
  const root = join(directory, 'of-another');
  mkdirSync(root);
  chownSync(root, 65533, 65533);
  let owner = await startUser(root, {}, 65533);
  const expected = [await owner.ask('add first')];
  await owner.leave();
  const reader = await startUser(root, { readOnly: 'if-needed' }, 65534);
  assert.deepEqual(JSON.parse(await reader.ask('list')), expected);
  for (let n = 0; n < 4; n++) {
    owner = await startUser(root, {}, 65533);
    for (let m = 0; m < 20; m++) expected.push(await owner.ask(`add path-${n}-${m}`));
    if (n >= 2) assert.deepEqual(JSON.parse(await reader.ask('list')), expected.toSorted());
    await owner.leave();
    assert.deepEqual(JSON.parse(await reader.ask('list')), expected.toSorted());
  }
  // A reader leaves nothing of his own that would be in the way of the owner.
  for (const name of readdirSync(join(testDirectories(root).stateDir, 'db')))
    assert.equal(lstatSync(join(testDirectories(root).stateDir, 'db', name)).uid, 65533, name);
});
