import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// What other versions of Nix make of a database, and what we make of that.
const needs = requires('program:nix-store');
const directory = temporaryDirectory('peer-database');

test('the tables that ca-derivations bring are left alone', needs, async () => {
  const nix = new RealNix(directory, join(directory, 'ca'));
  const features = ['--option', 'experimental-features', 'ca-derivations'];
  nix.run('nix-store', ...features, '--verify');
  let text: string;
  let user: string;
  {
    await using store = await openTestStore(nix.store);
    assert.ok((await tablesOf(store.directories.stateDir)).includes('Realisations'));
    text = await store.addText({ name: 'text', contents: 'x', references: [] });
    user = await store.addText({ name: 'user', contents: text, references: [text] });
    assert.deepEqual(await store.checkDatabase({ thorough: true }), []);
  }
  nix.run('nix-store', ...features, '--verify', '--check-contents');
  nix.run('nix-store', ...features, '--delete', user);
  await using store = await openTestStore(nix.store);
  assert.deepEqual(store.validPaths(), [text]);
});

test('an older schema is refused with the way out, which leads there', needs, async () => {
  const nix = new RealNix(directory, join(directory, 'older'));
  let stateDir: string;
  let text: string;
  {
    await using store = await openTestStore(nix.store);
    text = await store.addText({ name: 'text', contents: 'x', references: [] });
    stateDir = store.directories.stateDir;
  }
  const schema = join(stateDir, 'db/schema');
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const database = new DatabaseSync(join(stateDir, 'db/db.sqlite'));
  database.exec('alter table ValidPaths drop column ca');
  database.close();
  writeFileSync(schema, '9');
  for (const readOnly of [true, false]) {
    await assert.rejects(openTestStore(nix.store, { readOnly }), {
      code: 'ERR_STORE_SCHEMA',
      message: 'the store has schema 9, older than the 10 of airplant',
      hint: /upgrades it by opening it, as `nix-store --verify` does/,
    });
  }
  nix.run('nix-store', '--verify');
  assert.equal(readFileSync(schema, 'utf8'), '10');
  await using store = await openTestStore(nix.store);
  assert.ok(store.isValid(text));
  assert.deepEqual(await store.checkDatabase({ thorough: true }), []);
});

async function tablesOf(stateDir: string): Promise<string[]> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const database = new DatabaseSync(join(stateDir, 'db/db.sqlite'), { readOnly: true, returnArrays: true });
  try {
    const rows = database.prepare("select name from sqlite_master where type = 'table'").all();
    return (rows as unknown as string[][]).map(([name]) => name!);
  } finally {
    database.close();
  }
}
