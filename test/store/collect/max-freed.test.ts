import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('max-freed');
const size = 100_000;

/** A store with garbage of `contents`, a path each; equal ones are linked. */
async function storeOf(name: string, contents: readonly string[]) {
  const store = await openTestStore(join(directory, name));
  for (const [index, text] of contents.entries())
    await store.addText({ name: `path-${index}`, contents: text.repeat(size), references: [] });
  await store.optimise();
  // A store of its own: what somebody has added is his until he closes his.
  await store.close();
  return await openTestStore(join(directory, name));
}

test('files that others are linked to are not counted until the last of them goes', async () => {
  await using linked = await storeOf('linked', ['x', 'x', 'x', 'x']);
  const report = await linked.collectGarbage({ maxFreed: size / 2 });
  assert.deepEqual([report.deleted, linked.validPaths().length], [4, 0]);
});

test('where nothing is linked, the first path is enough', async () => {
  await using store = await storeOf('apart', ['a', 'b', 'c', 'd']);
  const report = await store.collectGarbage({ maxFreed: size / 2 });
  assert.deepEqual([report.deleted, store.validPaths().length], [1, 3]);
});
