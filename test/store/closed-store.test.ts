import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('closed-store');
const skip = existsSync('/proc/self/fd') ? false : 'this system does not tell what is open';

/** What this process has open of the database of a store. */
function openFiles(root: string): string[] {
  const database = join(root, 'nix/var/nix/db/db.sqlite');
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.startsWith(database));
}

test('a store that is closed, and kept, lets go of the files of its database', { skip }, async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const root = join(directory, 'kept');
  const store = await openTestStore(root);
  await store.addText({ name: 'text', contents: 'some', references: [] });
  await store.collectGarbage();
  assert.equal(store.isValid(somePath('a')), false);
  assert.notDeepEqual(openFiles(root), []);
  await store.close();
  for (let round = 0; round < 100 && openFiles(root).length > 0; round++) {
    collectGarbage();
    await setImmediate();
  }
  assert.deepEqual(openFiles(root), []);
  assert.ok(!existsSync(join(root, 'nix/var/nix/db/db.sqlite-shm')));
  assert.throws(() => store.isValid(somePath('a')), { code: 'ERR_STORE_CLOSED' });
});
