import assert from 'node:assert/strict';
import { chownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LocalStore } from '../../../ts/store/local-store.js';
import { requires } from '../../support/requires.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('links-of-others');
const [somebody, other] = [65533, 65534];

/** A store with two equal files, of which one is linked, by the names of its link and the files. */
async function makeScene(name: string) {
  const store = await openTestStore(join(directory, name));
  const add = (base: string) => store.addText({ name: base, contents: 'the same', references: [] });
  const first = store.realPath(await add('first'));
  await store.optimise();
  const second = store.realPath(await add('second'));
  const links = join(store.directories.realStoreDir, '.links');
  const [link] = readdirSync(links);
  return { store, first, second, link: join(links, link!) };
}

test('as root: no file becomes a link of somebody who could change it later', requires('root'), async () => {
  const { store, first, second, link } = await makeScene('foreign');
  await using _ = store;
  // First and its link are one file.
  chownSync(first, somebody, somebody);
  const { warnings, failures, filesLinked } = await optimised(store);
  assert.deepEqual([warnings, failures, filesLinked], [[], [], 0]);
  assert.equal(lstatSync(second).nlink, 1);
  assert.equal(lstatSync(link).ino, lstatSync(first).ino);
  chownSync(second, other, other);
  assert.equal((await optimised(store)).filesLinked, 0);
});

test('as root: links of the owner, of the caller and of root are used', requires('root'), async () => {
  for (const [name, [ofLink, ofFile]] of Object.entries({
    'of the owner': [somebody, somebody],
    'of root': [0, somebody],
  })) {
    const { store, first, second, link } = await makeScene(name);
    await using _ = store;
    chownSync(first, ofLink!, ofLink!);
    chownSync(second, ofFile!, ofFile!);
    assert.equal((await optimised(store)).filesLinked, 1, name);
    assert.equal(lstatSync(second).ino, lstatSync(link).ino, name);
  }
});

async function optimised(store: LocalStore) {
  const warnings: string[] = [];
  return { ...(await store.optimise({ onWarning: (message) => warnings.push(message) })), warnings };
}
