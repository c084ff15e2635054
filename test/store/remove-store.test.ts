import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';
import { removeStore } from '../../ts/store/remove-store.js';
import { openTestStore, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('remove-store');

async function makeStore(root: string): Promise<void> {
  await using store = await openTestStore(root);
  const source = join(directory, 'source');
  mkdirSync(join(source, 'deep', 'er'), { recursive: true });
  await store.addPath({ name: 'tree', source });
  await (await store.logs.create('/nix/store/00000000000000000000000000000000-x.drv')).close();
}

test('a whole store goes, with its read-only directories, and nothing beside it', async () => {
  const root = join(directory, 'whole');
  await makeStore(root);
  await removeStore(testDirectories(root));
  assert.ok(!existsSync(root));
  await makeStore(root);
  writeFileSync(join(root, 'mine'), '');
  await removeStore(testDirectories(root));
  assert.deepEqual(readdirSync(root), ['mine']);
});

test('a store with directories of its own goes too', async () => {
  const base = join(directory, 'own');
  const directories = resolveStoreDirectories({ env: { NIX_STORE_DIR: join(base, 'store') } });
  (await openLocalStore({ directories, env: {} })).close();
  await removeStore(directories);
  assert.deepEqual(readdirSync(base), []);
});

test('a store in use is not removed', async () => {
  const root = join(directory, 'used');
  const store = await openTestStore(root);
  await assert.rejects(removeStore(testDirectories(root)), { code: 'ERR_PATH_IN_USE' });
  store.close();
  await removeStore(testDirectories(root));
  assert.ok(!existsSync(root));
});

test('what is no store of ours is not touched', async () => {
  const refused = { code: 'ERR_STORE_OPEN' };
  await assert.rejects(removeStore(resolveStoreDirectories({ store: 'local', env: {} })), refused);
  await assert.rejects(removeStore(testDirectories('/')), refused);
  await assert.rejects(removeStore(testDirectories(join(directory, 'missing'))), refused);

  const root = join(directory, 'strange');
  await makeStore(root);
  const { realStoreDir } = testDirectories(root);
  writeFileSync(join(realStoreDir, 'thesis.tex'), '');
  await assert.rejects(removeStore(testDirectories(root)), { ...refused, message: /thesis\.tex/ });
  rmSync(join(realStoreDir, 'thesis.tex'));

  const canary = join(directory, 'canary');
  mkdirSync(canary);
  writeFileSync(join(canary, 'file'), '');
  const linked = { ...testDirectories(root), realStoreDir: join(directory, 'link') };
  symlinkSync(canary, linked.realStoreDir);
  await assert.rejects(removeStore(linked), refused);
  assert.deepEqual(readdirSync(canary), ['file']);
});
