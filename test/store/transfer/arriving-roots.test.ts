import assert from 'node:assert/strict';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TempRoots } from '../../../ts/store/temp-roots.js';
import { ArrivingRoots } from '../../../ts/store/transfer/arriving-roots.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('arriving-roots');

test('to protect paths that nothing refers to, little is written for each', async () => {
  await using store = await openTestStore(directory);
  const { stateDir } = store.directories;
  const tempRoots = new TempRoots(stateDir);
  let files = 0;
  const counted = {
    add: (paths: Iterable<string>) => tempRoots.add(paths),
    scope: () => {
      files++;
      return tempRoots.scope();
    },
  };
  const roots = new ArrivingRoots(counted as unknown as TempRoots);
  const count = 20_000;
  for (let n = 0; n < count; n++) {
    const path = `/nix/store/${String(n).padStart(32, '0')}-x`;
    await roots.current.add([path]);
    await roots.arrive(path, [], undefined);
  }
  // A file for every so many would have all that came before once more.
  assert.ok(files < 10, `${files} files`);
  await roots.keep();
  const lists = readdirSync(join(stateDir, 'temproots')).map((name) => join(stateDir, 'temproots', name));
  const bytes = lists.map((file) => lstatSync(file).size).reduce((sum, size) => sum + size, 0);
  assert.equal(bytes, count * '/nix/store/00000000000000000000000000000000-x\0'.length);
  tempRoots.close();
});
