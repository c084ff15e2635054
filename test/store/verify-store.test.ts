import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LocalStore } from '../../ts/store/local-store.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('verify-store');

async function addTexts(store: LocalStore, count: number): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, index) => ({
    name: `text-${index}`,
    contents: Buffer.from(`${index}`),
    references: [],
  }));
  return (await store.addTexts(texts)).map(({ path }) => path);
}

test('a store directory that is not mounted makes no path invalid', async () => {
  const root = join(directory, 'unmounted');
  await using store = await openTestStore(root);
  const paths = await addTexts(store, 3);
  const { realStoreDir } = store.directories;
  renameSync(realStoreDir, `${realStoreDir}-elsewhere`);
  mkdirSync(realStoreDir);
  await assert.rejects(store.verifyStore(), {
    code: 'ERR_STORE_OPEN',
    message: /none of the 3 valid paths is in the store directory/,
    hint: /Mount what belongs there/,
  });
  assert.equal(store.validPaths().length, 3);
  // Who names them means it.
  const { findings } = await store.verifyStore({ paths: paths.slice(0, 1) });
  assert.deepEqual(
    findings.map(({ kind, state }) => [kind, state]),
    [['missing', 'settled']],
  );
  assert.equal(store.validPaths().length, 2);
  renameSync(`${realStoreDir}-elsewhere`, join(directory, 'elsewhere'));
});

test('one path that is gone among others is forgotten as ever', async () => {
  await using store = await openTestStore(join(directory, 'one-gone'));
  const paths = await addTexts(store, 2);
  renameSync(store.realPath(paths[0]!), join(directory, 'gone'));
  await store.verifyStore();
  assert.deepEqual(store.validPaths(), [paths[1]]);
});

test('a link that cannot be removed is told, and the others are looked at', async () => {
  if (process.getuid?.() === 0) return;
  await using store = await openTestStore(join(directory, 'links'));
  await addTexts(store, 4);
  await store.optimise();
  const links = join(store.directories.realStoreDir, '.links');
  const names = readdirSync(links);
  assert.equal(names.length, 4);
  for (const name of names.slice(0, 2)) {
    chmodSync(join(links, name), 0o644);
    writeFileSync(join(links, name), 'changed');
  }
  chmodSync(links, 0o555);
  const { findings } = await store.verifyStore({ checkContents: true, removeBadLinks: true });
  chmodSync(links, 0o755);
  const told = findings.filter(({ kind }) => kind === 'link');
  assert.deepEqual(
    told.map(({ state }) => state),
    ['error', 'error'],
  );
  assert.equal(findings.filter(({ kind }) => kind === 'modified').length, 2);
});

test('who has optimised a store keeps nothing of it from collectors', async () => {
  const root = join(directory, 'optimised');
  {
    await using maker = await openTestStore(root);
    await addTexts(maker, 3);
  }
  await using store = await openTestStore(root);
  const { paths } = await store.optimise();
  assert.equal(paths, 3);
  await using collector = await openTestStore(root);
  assert.equal((await collector.collectGarbage()).deleted, 3);
});
