import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixturePath, readFixture } from '../support/fixtures.js';
import { parseDump, schemaOf } from '../support/nix-database.js';
import { openTestStore, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('nix-database');

test('a database of ours has the schema of Nix 2.8 to the letter', async () => {
  const root = join(directory, 'ours');
  await using store = await openTestStore(root);
  const schema = await schemaOf(join(store.directories.stateDir, 'db/db.sqlite'));
  assert.equal(schema, readFixture('store', 'schema-10.sql').toString());
});

test('a database Nix 2.8 made says to us what it says to Nix', async () => {
  const root = join(directory, 'theirs');
  const { stateDir } = testDirectories(root);
  mkdirSync(join(stateDir, 'db'), { recursive: true });
  copyFileSync(fixturePath('store', 'nix-2.8.sqlite'), join(stateDir, 'db/db.sqlite'));
  writeFileSync(join(stateDir, 'db/schema'), '10');
  const dump = parseDump(readFixture('store', 'nix-2.8-dump-db.txt').toString());
  assert.ok(dump.size > 20);
  for (const readOnly of [true, false]) {
    await using store = await openTestStore(root, { readOnly });
    assert.deepEqual(store.validPaths().sort(), [...dump.keys()].sort());
    for (const [path, { hash, narSize, deriver, references }] of dump) {
      const info = store.pathInfo(path);
      assert.deepEqual(
        [info.narHash.hex, info.narSize, info.deriver ?? '', info.references],
        [hash, narSize, deriver, references],
      );
      assert.equal(store.pathFromHashPart(path.slice(11, 43)), path);
      assert.deepEqual(
        store.referrers(path),
        [...dump].flatMap(([other, entry]) => (entry.references.includes(path) ? [other] : [])).sort(),
      );
      const closure = store.closure([path]);
      assert.equal(closure.at(-1), path);
      for (const [index, member] of closure.entries())
        for (const reference of dump.get(member)!.references)
          assert.ok(closure.indexOf(reference) <= index && closure.includes(reference));
    }
    const signed = store.validPaths().filter((path) => store.pathInfo(path).signatures.length > 0);
    assert.ok(signed.length > 0);
  }
});
