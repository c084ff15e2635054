import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockFile } from '../../ts/store/lock-file.js';
import { PathLocks } from '../../ts/store/locks.js';
import { openTestStore, somePath, startScript } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('locks');
const [x, y, z] = ['x', 'y', 'z'].map((name) => join(directory, name)) as [string, string, string];

test('a lock keeps others out until it is released; the file goes only if asked', async () => {
  const locks = await PathLocks.take([x, y], {});
  assert.equal(statSync(`${x}.lock`).mode & 0o777, 0o600);
  assert.equal(statSync(`${x}.lock`).size, 0);
  const busy: string[] = [];
  const waiting = PathLocks.take([z, y], { onWait: (path) => busy.push(path) });
  assert.equal(await Promise.race([waiting, sleep(100, 'waits')]), 'waits');
  assert.deepEqual(busy, [y]);
  // Nothing is held while it waits.
  (await PathLocks.take([z], {})).release({ delete: false });
  assert.ok(existsSync(`${z}.lock`));
  locks.release({ delete: false });
  const second = await waiting;
  assert.ok(second.holds(y) && !second.holds(x));
  second.release({ delete: true });
  second.release({ delete: true });
  assert.deepEqual(readdirSync(directory), ['x.lock']);
});

test('locks asked for in any order never deadlock, and one is never held twice', async () => {
  let inside = 0;
  await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const locks = await PathLocks.take(i % 2 ? [x, y, z] : [z, y, x, x], {});
      assert.equal(inside++, 0);
      await sleep(1);
      inside--;
      locks.release({ delete: i % 3 === 0 });
    }),
  );
});

test('a deleted lock file is not mistaken for the lock', async () => {
  const path = join(directory, 'deleted');
  const first = LockFile.tryTake(path)!;
  // Opened before the deletion, locked after it.
  const late = LockFile.open(path);
  first.removeAndClose();
  assert.ok(late.tryLock('exclusive'));
  assert.equal(readFileSync(late.fd, 'utf8'), 'd');
  const second = LockFile.tryTake(path)!;
  assert.notEqual(second, undefined);
  assert.equal(LockFile.tryTake(path), undefined);
  // Removing what another has replaced does not touch the new one's mark.
  second.close();
  late.close();
  // A mark without a removal (nobody leaves one, but anybody could) does not block the path for ever.
  writeFileSync(path, 'd');
  LockFile.tryTake(path)!.removeAndClose();
  assert.ok(!existsSync(path));
});

test('a lock that is a symlink or a directory is an error, not a way elsewhere', async () => {
  const canary = join(directory, 'canary');
  symlinkSync(canary, join(directory, 'link.lock'));
  await assert.rejects(PathLocks.take([join(directory, 'link')], {}), { code: 'ELOOP' });
  assert.ok(!existsSync(canary));
  mkdirSync(join(directory, 'dir.lock'));
  await assert.rejects(PathLocks.take([x, join(directory, 'dir')], {}), { code: 'EISDIR' });
  // Nothing stays locked after an error.
  (await PathLocks.take([x], {})).release({ delete: true });
});

test('waiting ends when it is aborted', async () => {
  const locks = await PathLocks.take([x], {});
  const abort = new AbortController();
  const waiting = PathLocks.take([x], {
    signal: abort.signal,
    onWait: () => abort.abort(new Error('enough')),
  });
  await assert.rejects(waiting, { message: 'enough' });
  locks.release({ delete: true });
  await assert.rejects(PathLocks.take([x], { signal: AbortSignal.abort(new Error('before')) }), {
    message: 'before',
  });
});

test('another process waits for ours, and a killed one holds nothing', async () => {
  const root = join(directory, 'store');
  await using store = await openTestStore(root);
  const path = somePath('a');
  const other = startScript('store-worker', 'lock', root, path);
  assert.equal(await other.said(), 'locked');
  const busy: string[][] = [];
  const waiting = store.lockPaths([path], { onWait: (paths) => busy.push(paths) });
  assert.equal(await Promise.race([waiting, sleep(200, 'waits')]), 'waits');
  assert.deepEqual(busy, [[path]]);
  other.child.kill('SIGKILL');
  await other.exit;
  (await waiting).release({ delete: true });
});

test('temporary roots lie in a locked file of the process, one for each store object', async () => {
  const root = join(directory, 'roots');
  await using one = await openTestStore(root);
  await using two = await openTestStore(root);
  const tempRoots = join(one.directories.stateDir, 'temproots');
  await one.addTempRoot(somePath('a'));
  await two.addTempRoot(somePath('b'), somePath('c'));
  await one.addTempRoot(somePath('a'), somePath('d'));
  assert.deepEqual(readdirSync(tempRoots).sort(), [`${process.pid}`, `${process.pid}-1`]);
  const read = (name: string) => readFileSync(join(tempRoots, name), 'utf8');
  assert.equal(read(`${process.pid}`), `${somePath('a')}\0${somePath('d')}\0`);
  assert.equal(read(`${process.pid}-1`), `${somePath('b')}\0${somePath('c')}\0`);
  assert.equal(LockFile.tryTake(join(tempRoots, `${process.pid}`)), undefined);
  one.close();
  assert.deepEqual(readdirSync(tempRoots), [`${process.pid}-1`]);
});

test('a file of roots that a dead process of the same number left is started anew', async () => {
  const root = join(directory, 'stale');
  await using store = await openTestStore(root);
  const file = join(store.directories.stateDir, 'temproots', `${process.pid}`);
  writeFileSync(file, `${somePath('a')}\0`);
  await store.addTempRoot(somePath('b'));
  assert.equal(readFileSync(file, 'utf8'), `${somePath('b')}\0`);
});
