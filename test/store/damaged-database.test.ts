import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AirplantError } from '../../ts/base/errors.js';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { describeFinding } from '../../ts/store/verify/finding.js';
import { longForm } from '../support/requires.js';
import { openTestStore, somePath, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Databases that came to harm: one clear error, or an answer, and never a crash.
const directory = temporaryDirectory('damaged-database');
const { DatabaseSync } = await import('@photostructure/sqlite');
let counter = 0;

const templates = new Map<number, Promise<string>>();

async function makeTemplate(paths: number): Promise<string> {
  const root = join(directory, `template-${paths}`);
  await using store = await openTestStore(root);
  const texts = Array.from({ length: paths }, (_, n) => `text-${n}`);
  let last: string[] = [];
  for (const name of texts) last = [await store.addText({ name, contents: last.join(), references: last })];
  return root;
}

/** A store of some paths that nobody has open; `change` is given its database. Returns its root. */
async function storeWith(change: (file: string) => void, paths = 30): Promise<string> {
  if (!templates.has(paths)) templates.set(paths, makeTemplate(paths));
  const root = join(directory, `${counter++}`);
  // A copy, because SQLite keeps a closed database open until its statements are collected.
  cpSync(await templates.get(paths)!, root, { recursive: true, filter: (name) => !name.endsWith('-shm') });
  const file = join(testDirectories(root).stateDir, 'db/db.sqlite');
  execute('pragma journal_mode = delete; pragma journal_mode = wal')(file);
  change(file);
  return root;
}

function execute(statements: string): (file: string) => void {
  return (file) => {
    const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
    database.exec(statements);
    database.close();
  };
}

function breakIndex(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.lastIndexOf('-text-50');
  bytes.write('-text-51', at === bytes.indexOf('-text-50') ? at : bytes.indexOf('-text-50'));
  writeFileSync(file, bytes);
}

/** Everything that can be asked, and a change. Each answers, or throws one of our errors. */
async function useAll(root: string, readOnly: boolean): Promise<AirplantError[]> {
  const errors: AirplantError[] = [];
  const ask = async (question: () => unknown) => {
    try {
      return await question();
    } catch (error) {
      assert.ok(error instanceof AirplantError, `${error}`);
      assert.notEqual(error.code, 'ERR_INTERNAL');
      assert.ok(error.hint.length > 0);
      errors.push(error);
      return undefined;
    }
  };
  const store = (await ask(() => openTestStore(root, { readOnly }))) as LocalStore | undefined;
  if (!store) return errors;
  const paths = ((await ask(() => store.validPaths())) ?? []) as string[];
  await ask(() => store.closure(paths));
  for (const path of paths.slice(0, 5)) {
    await ask(() => store.pathInfo(path));
    await ask(() => store.referrers(path));
    await ask(() => store.pathFromHashPart(path.slice(11, 43)));
    await ask(() => store.validDerivers(path));
    await ask(() => store.verifyPath(path));
  }
  await ask(() => store.checkDatabase({ thorough: true }));
  if (!readOnly) {
    await ask(() => store.addText({ name: 'new', contents: 'new', references: paths.slice(0, 1) }));
  }
  await store.close();
  return errors;
}

const harms: Readonly<Record<string, { change(file: string): void; expect: RegExp }>> = {
  'an empty file': { change: (file) => truncateSync(file, 0), expect: /no table ValidPaths/ },
  'no table of paths': { change: execute('drop table ValidPaths'), expect: /no table ValidPaths/ },
  'no table of references': { change: execute('drop table Refs'), expect: /no table Refs/ },
  'a table of an older schema': {
    change: execute('alter table ValidPaths drop column ca'),
    expect: /ValidPaths has no column ca/,
  },
  'a header of something else': {
    change: (file) => overwrite(file, 0, 'not SQLite at all'),
    expect: /not a database/,
  },
  'half a file': { change: (file) => truncateSync(file, 6000), expect: /malformed|damaged/ },
  'a hash that is none': {
    change: execute("update ValidPaths set hash = 'md5:1'"),
    expect: /its row of '.*' holds/,
  },
  'a blob for signatures': {
    change: execute("update ValidPaths set sigs = x'00ff'"),
    expect: /its row of '.*' holds/,
  },
  'a blob for a path': {
    change: execute("update ValidPaths set path = x'00' where id = 3"),
    expect: /no text/,
  },
  'a size of 2^62': { change: execute('update ValidPaths set narSize = 1 << 62'), expect: /too large/ },
};

for (const [name, { change, expect }] of Object.entries(harms)) {
  test(`${name}: an error that says so, with a way out`, async () => {
    const root = await storeWith(change);
    for (const readOnly of [true, false]) {
      const errors = await useAll(root, readOnly);
      const said = errors.find(({ message }) => expect.test(message));
      assert.ok(said, errors.map(({ message }) => message).join('\n'));
      assert.equal(said.code, 'ERR_STORE_DATABASE');
      assert.match(said.message, /db\.sqlite/);
      assert.match(said.hint, /recover/);
    }
  });
}

test('a store whose database is gone does not get an empty one', async () => {
  const root = await storeWith(closed);
  const file = join(testDirectories(root).stateDir, 'db/db.sqlite');
  const bytes = readFileSync(file);
  rmSync(file);
  for (const readOnly of [true, false]) {
    await assert.rejects(openTestStore(root, { readOnly }), {
      code: 'ERR_STORE_OPEN',
      message: /db\.sqlite/,
    });
    assert.ok(!existsSync(file));
  }
  writeFileSync(file, bytes);
  await using store = await openTestStore(root);
  assert.equal(store.validPaths().length, 30);
});

test('what a check finds', async () => {
  const found = async (change: (file: string) => void, thorough = true) => {
    await using store = await openTestStore(await storeWith(change, 60), { readOnly: true });
    return (await store.checkDatabase({ thorough }))
      .map(({ kind, message }) => `${kind}: ${message}`)
      .join('\n');
  };
  assert.equal(await found(closed), '');
  assert.equal(await found(closed, false), '');
  assert.match(
    await found(execute('drop index IndexReference')),
    /^schema: the index IndexReference is missing$/,
  );
  // Newer versions of Nix do that.
  assert.equal(await found(execute('drop index IndexReferrer')), '');
  assert.match(await found(execute('drop trigger DeleteSelfRefs')), /^schema: the trigger DeleteSelfRefs/);
  assert.match(
    await found(execute('delete from ValidPaths where id = 7')),
    /^reference: row \d+ of Refs speaks/,
  );
  assert.match(
    await found(execute("update ValidPaths set path = '/nix/store/../../etc/passwd' where id = 9")),
    /^row: row 9 of ValidPaths has the path '\/nix\/store\/\.\.\/\.\.\/etc\/passwd'/,
  );
  assert.match(
    await found(execute("update ValidPaths set hash = 'sha1:00' where id = 9")),
    /^row: the row of '.*-text-8' in ValidPaths/,
  );
  // An index that speaks of other rows than its table: only the thorough check looks.
  assert.match(await found(breakIndex), /^pages: /);
  assert.doesNotMatch(await found(breakIndex, false), /pages/);
});

test('a verification of the store tells what is wrong with its database, and one of some paths does not', async () => {
  const dropped = execute('delete from ValidPaths where id = 7; drop trigger DeleteSelfRefs');
  await using store = await openTestStore(await storeWith(dropped, 60));
  const told: string[] = [];
  const { findings, paths } = await store.verifyStore({
    onFinding: (finding) => told.push(describeFinding(finding)),
  });
  const problems = findings.flatMap((one) => (one.kind === 'database' ? [one.problem, one.state] : []));
  // The row of a reference to it, and that of one from it.
  assert.deepEqual(problems, ['schema', 'error', 'reference', 'error', 'reference', 'error']);
  assert.match(told[0]!, /^integrity check of the database: the trigger DeleteSelfRefs is missing$/);
  assert.equal(paths, 59);
  const some = await store.verifyStore({ paths: store.validPaths().slice(0, 3) });
  assert.deepEqual([some.findings, some.paths], [[], 3]);
});

test('where the pages of a database are broken, a verification changes nothing', async () => {
  const root = await storeWith(breakIndex, 60);
  await using store = await openTestStore(root);
  const gone = store.validPaths()[40]!;
  await native.removeTree(store.realPath(gone));
  const findings = async (checkContents: boolean) =>
    (await store.verifyStore({ checkContents })).findings.map(({ kind, state }) => `${kind} ${state}`);
  assert.deepEqual([...new Set(await findings(true))], ['database error']);
  assert.ok(store.isValid(gone));
  // Without the contents the indexes are not compared, and it goes by what the tables say.
  assert.ok((await findings(false)).includes('missing error'));
});

test('garbage in any page, and a file cut short anywhere', async (t) => {
  const template = readFileSync(join(testDirectories(await storeWith(closed, 60)).stateDir, 'db/db.sqlite'));
  const pages = template.length / 4096;
  let complaints = 0;
  const rounds = longForm ? 400 : 24;
  for (let round = 0; round < rounds; round++) {
    const root = await storeWith((file) => {
      const bytes = Buffer.from(template);
      const page = Math.floor((round * pages) / rounds);
      const from = page * 4096 + (round % 3 === 0 ? 0 : Math.floor(Math.random() * 4096));
      if (round % 4 === 3) return writeFileSync(file, bytes.subarray(0, from));
      for (let at = from; at < Math.min(from + 200, bytes.length); at++) bytes[at] = Math.random() * 256;
      writeFileSync(file, bytes);
    }, 0);
    for (const readOnly of [true, false]) complaints += (await useAll(root, readOnly)).length;
  }
  t.diagnostic(`${rounds} damaged files of ${pages} pages: ${complaints} errors`);
  assert.ok(complaints > rounds / 2);
});

test('a log of another database, or a damaged one', async () => {
  // A log with frames that nobody has checkpointed, taken from under an open store.
  const other = await storeWith(closed, 0);
  let log: Buffer;
  {
    await using store = await openTestStore(other);
    for (let n = 0; n < 20; n++) await store.addText({ name: `other-${n}`, contents: '', references: [] });
    log = readFileSync(join(testDirectories(other).stateDir, 'db/db.sqlite-wal'));
  }
  assert.ok(log.length > 10_000);
  for (const bytes of [
    log,
    log.subarray(0, 5000),
    Buffer.alloc(9000, 'log'),
    Buffer.from(log).fill(0xff, 100, 300),
  ]) {
    for (const readOnly of [true, false]) {
      const root = await storeWith((file) => writeFileSync(`${file}-wal`, bytes));
      await useAll(root, readOnly);
    }
  }
});

test('tables of newer versions of Nix are left alone', async () => {
  // As Nix 2.8 makes them with `ca-derivations`, and later ones without.
  const root = await storeWith(
    execute(`
      create table Realisations (id integer primary key autoincrement not null, drvPath text not null,
        outputName text not null, outputPath integer not null, signatures text,
        foreign key (outputPath) references ValidPaths(id) on delete cascade);
      create table RealisationsRefs (referrer integer not null, realisationReference integer,
        foreign key (referrer) references Realisations(id) on delete cascade,
        foreign key (realisationReference) references Realisations(id) on delete restrict);
      create table SchemaMigrations (migration text primary key not null);
      insert into SchemaMigrations values ('20251017-ca-derivations'), ('20260309-drop-redundant-indexreferrer');
      create table BuildTraceV3 (id integer primary key autoincrement not null, drvPath text not null,
        outputName text not null, outputPath text not null, signatures text);
      insert into Realisations (drvPath, outputName, outputPath) values ('sha256:00', 'out', 5);
      drop index IndexReferrer`),
  );
  for (const readOnly of [true, false]) assert.deepEqual(await useAll(root, readOnly), []);
  await using store = await openTestStore(root);
  assert.equal(store.validPaths().length, 31);
  assert.deepEqual(await store.checkDatabase({ thorough: true }), []);
  assert.equal(store.isValid(somePath('a')), false);
  const database = new DatabaseSync(join(store.directories.stateDir, 'db/db.sqlite'), { returnArrays: true });
  assert.deepEqual(database.prepare('select count(*) from Realisations').get(), [1]);
  assert.deepEqual(database.prepare('pragma auto_vacuum').get(), [0]);
  database.close();
});

function overwrite(file: string, at: number, text: string): void {
  const bytes = readFileSync(file);
  bytes.write(text, at);
  writeFileSync(file, bytes);
}

/** As it is. */
function closed(): void {}
