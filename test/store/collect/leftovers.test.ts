import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../../ts/native.js';
import { LockFile } from '../../../ts/store/lock-file.js';
import { PathLocks } from '../../../ts/store/locks.js';
import { openTestStore, somePath } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('leftovers');

test('what somebody holds a lock on stays, with what lies beside it; the rest goes', async () => {
  await using store = await openTestStore(join(directory, 'locked'));
  const { realStoreDir } = store.directories;
  const at = (name: string) => join(realStoreDir, name);
  const [held, free] = [somePath('a'), somePath('b')].map((path) => store.realPath(path)) as [string, string];
  // By others who did not make it a temporary root.
  const locks = await PathLocks.take([held], {});
  mkdirSync(held);
  writeFileSync(`${held}.check`, '');
  (await PathLocks.take([free], {})).release({ delete: false });
  writeFileSync(free, '');
  chmodSync(free, 0o444);
  // Called like a lock, and none.
  mkdirSync(`${free}.lock-dir.lock`);
  symlinkSync('/nowhere', `${free}.link.lock`);
  mkdirSync(at('tmp-1-1'));
  mkdirSync(at('tmp-2-2'));
  const busy = openSync(at('tmp-1-1'), 'r');
  assert.ok(native.tryLock(busy, 'exclusive'));
  writeFileSync(at(`.tmp-link-${process.pid}-1`), '');
  writeFileSync(at('.tmp-link-999999999-1'), '');
  writeFileSync(at('line\nbreak'), '');
  // Opened before the collection, locked after it.
  const late = LockFile.open(`${free}.lock`);
  const report = await store.collectGarbage();
  assert.deepEqual(report.kept, []);
  for (const path of [held, `${held}.lock`, `${held}.check`, at('tmp-1-1'), at(`.tmp-link-${process.pid}-1`)])
    assert.ok(existsSync(path), path);
  const gone = [free, `${free}.lock-dir.lock`, `${free}.link.lock`, at('tmp-2-2'), at('line\nbreak')];
  for (const path of gone) assert.ok(!existsSync(path), path);
  // Whoever had it open sees that it is not the lock any more.
  assert.ok(late.tryLock('exclusive'));
  assert.equal(fstatSync(late.fd).size, 1);
  late.close();
  closeSync(busy);
  locks.release({ delete: false });
  await store.collectGarbage();
  assert.ok(!existsSync(held) && !existsSync(`${held}.check`) && !existsSync(at('tmp-1-1')));
});

test('a temporary directory that is locked after it was looked at stays', async () => {
  await using store = await openTestStore(join(directory, 'locked-late'));
  const { realStoreDir } = store.directories;
  const temporary = join(realStoreDir, 'tmp-3-3');
  mkdirSync(temporary);
  // Old locks are the first to go.
  writeFileSync(`${store.realPath(somePath('c'))}.lock`, '');
  let descriptor: number | undefined;
  const onEvent = ({ type }: { type: string }) => {
    if (type !== 'collect.deleted' || descriptor !== undefined) return;
    descriptor = openSync(temporary, 'r');
    assert.ok(native.tryLock(descriptor, 'exclusive'));
  };
  await store.collectGarbage({ onEvent });
  assert.ok(existsSync(temporary));
  closeSync(descriptor!);
  await store.collectGarbage();
  assert.ok(!existsSync(temporary));
});

test('a path that is called like a lock is none', async () => {
  await using store = await openTestStore(join(directory, 'called-lock'));
  const paths = [];
  for (const contents of ['', 'd', 'more'])
    paths.push(await store.addText({ name: `x${contents}.lock`, contents, references: [] }));
  symlinkSync(paths[0]!, join(store.directories.stateDir, 'gcroots/a'));
  symlinkSync(paths[1]!, join(store.directories.stateDir, 'gcroots/b'));
  await using other = await openTestStore(join(directory, 'called-lock'));
  await store.close();
  const report = await other.collectGarbage();
  assert.deepEqual([report.deleted, report.kept], [1, []]);
  assert.deepEqual(
    paths.map((path) => existsSync(other.realPath(path))),
    [true, true, false],
  );
  for (const path of paths.slice(0, 2)) assert.equal((await other.verifyPath(path)).kind, 'good');
});

test('without its links a store is collected all the same', async () => {
  await using store = await openTestStore(join(directory, 'no-links'));
  mkdirSync(store.realPath(somePath('d')));
  rmSync(join(store.directories.realStoreDir, '.links'), { recursive: true });
  assert.equal((await store.collectGarbage()).deleted, 1);
});

test('stopped, it stops, and leaves what is valid whole', async () => {
  const root = join(directory, 'stopped');
  {
    await using maker = await openTestStore(root);
    const texts = Array.from({ length: 600 }, (_, i) => ({
      name: `t${i}`,
      contents: Buffer.from(`${i}`),
      references: [],
    }));
    await maker.addTexts(texts);
  }
  await using store = await openTestStore(root);
  const stop = new AbortController();
  const onEvent = ({ type }: { type: string }) =>
    type === 'collect.deleted' && stop.abort(new Error('enough'));
  await assert.rejects(store.collectGarbage({ signal: stop.signal, onEvent }), { message: 'enough' });
  assert.ok(store.validPaths().length > 0);
  for (const path of store.validPaths()) assert.ok(existsSync(store.realPath(path)), path);
  await store.collectGarbage();
  assert.deepEqual(store.validPaths(), []);
});
