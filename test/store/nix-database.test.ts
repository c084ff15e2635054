import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatHash, parseHash } from '../../ts/formats/hash.js';
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

test('every row of its tables is answered as SQL would answer it', async () => {
  await using store = await openTestStore(join(directory, 'theirs'), { readOnly: true });
  const pathOf = new Map(rows('ValidPaths').map(([id, path]) => [id, path!]));
  const refs = rows('Refs').map(([referrer, reference]) => [pathOf.get(referrer!)!, pathOf.get(reference!)!]);
  const outputs = rows('DerivationOutputs');
  assert.deepEqual([pathOf.size, refs.length, outputs.length], [38, 21, 17]);

  for (const [id, path, hash, registrationTime, deriver, narSize, ultimate, signatures, ca] of rows(
    'ValidPaths',
  )) {
    assert.deepEqual(store.pathInfo(path!), {
      path,
      narHash: parseHash(hash!),
      narSize: Number(narSize),
      references: refs.flatMap(([referrer, reference]) => (referrer === path ? [reference] : [])).sort(),
      ...(deriver ? { deriver } : {}),
      registrationTime: Number(registrationTime),
      ultimate: ultimate === '1',
      signatures: signatures!.split(' ').filter(Boolean),
      ...(ca ? { contentAddress: ca } : {}),
    });
    assert.deepEqual(
      store.referrers(path!),
      refs.flatMap(([referrer, reference]) => (reference === path ? [referrer] : [])).sort(),
    );
    const named = outputs.filter(([drv]) => drv === id).map(([, name, output]) => [name!, output!] as const);
    assert.deepEqual(store.derivationOutputs(path!), new Map(named.sort()));
    assert.deepEqual(
      store.validDerivers(path!),
      outputs.flatMap(([drv, , output]) => (output === path ? [pathOf.get(drv!)!] : [])).sort(),
    );
    assert.deepEqual([...store.closure([path!])].sort(), reachable(path!, refs));
  }
});

test('nix-store --query and --referrers-closure say the same', async () => {
  await using store = await openTestStore(join(directory, 'theirs'), { readOnly: true });
  const lines = readFixture('store', 'nix-2.8-queries.txt').toString().trimEnd().split('\n');
  assert.equal(lines.length, 16);
  for (const line of lines) {
    const [, path, hash, narSize, references, deriver] =
      /^(\S+) hash=(\S+) size=(\d+) refs=\[(.*)\] deriver=(\S+)$/.exec(line)!;
    const info = store.pathInfo(path!);
    assert.equal(formatHash(info.narHash, 'base32'), hash);
    assert.equal(info.narSize, Number(narSize));
    assert.deepEqual(info.references, references!.split(' ').filter(Boolean).sort());
    assert.equal(info.deriver ?? 'unknown-deriver', deriver);
  }

  const listed = readFixture('store', 'nix-2.8-referrers-closure-rt-1.txt').toString().trimEnd().split('\n');
  const found = new Set(listed.slice(0, 1));
  for (const path of found) for (const referrer of store.referrers(path)) found.add(referrer);
  assert.deepEqual([...found].sort(), listed.toSorted());
});

/** A dump of `sqlite3 -header` with `|` between the columns. */
function rows(table: string): string[][] {
  const [, ...lines] = readFixture('store', `nix-2.8-${table}.txt`).toString().trimEnd().split('\n');
  return lines.map((line) => line.split('|'));
}

function reachable(start: string, refs: readonly (readonly (string | undefined)[])[]): string[] {
  const found = new Set([start]);
  for (const path of found)
    for (const [referrer, reference] of refs) if (referrer === path) found.add(reference!);
  return [...found].sort();
}
