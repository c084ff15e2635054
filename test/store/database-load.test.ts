import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database, type Registration } from '../../ts/store/database.js';
import { longForm, requires } from '../support/requires.js';
import { startScript } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// A database under load: many writers, and readers who are never all away.
const directory = temporaryDirectory('database-load');
const MiB = 2 ** 20;

async function openAt(name: string, create = true): Promise<[Database, string]> {
  const file = join(directory, name);
  return [await Database.open({ file, readOnly: false, create, journal: 'wal', synchronous: 'off' }), file];
}

/** Paths whose names are spread as hashes are, so that each transaction touches many pages. */
function someRegistrations(from: number, to: number): Registration[] {
  return Array.from({ length: to - from }, (_, index) => {
    const hex = createHash('sha256')
      .update(`${from + index}`)
      .digest('hex');
    const path = `/nix/store/${hex.slice(0, 32).replaceAll('e', 'z')}-path`;
    const narHash = { algorithm: 'sha256', hex } as const;
    return {
      info: {
        path,
        narHash,
        narSize: 112,
        references: [],
        registrationTime: 1,
        ultimate: false,
        signatures: [],
      },
    };
  });
}

const logSize = (file: string) => statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;

/** Registers `total` paths in transactions of `each`. Returns how long the log has been at its longest. */
async function registerMany(database: Database, file: string, total: number, each: number): Promise<number> {
  let longest = 0;
  for (let n = 0; n < total; n += each) {
    await database.register(someRegistrations(n, n + each));
    // A transaction that waits for nobody lets nothing else of this process run.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    longest = Math.max(longest, logSize(file));
  }
  return longest;
}

test('the log stays short while 100,000 paths are registered, whoever reads', async (t) => {
  const [database, file] = await openAt('read.sqlite');
  // One process that always has a transaction open, and a reader of ours that asks without end.
  const reader = startScript('database-worker', 'read', file);
  assert.equal(await reader.said(), 'reading');
  const ours = await Database.open({
    file,
    readOnly: true,
    create: false,
    journal: 'wal',
    synchronous: 'off',
  });
  const [first] = someRegistrations(0, 1) as [Registration];
  let asked = 0;
  const timer = setInterval(() => {
    asked += ours.pathInfo(first.info.path) ? 1 : 0;
  }, 5);
  const longest = await registerMany(database, file, 100_000, longForm ? 5 : 100);
  clearInterval(timer);
  ours.close();
  reader.child.stdin.end();
  await reader.exit;
  t.diagnostic(`longest log: ${(longest / MiB).toFixed()} MiB; questions answered: ${asked}`);
  assert.ok(longest > 16 * MiB, 'nothing to keep short');
  assert.ok(longest < 128 * MiB, `${longest}`);
  assert.ok(asked > 0);
  assert.equal(database.validPaths().length, 100_000);
  assert.deepEqual(await database.check('/nix/store', { thorough: true }), []);
  database.close();
});

test('a reader who stays keeps the log, and the first transactions after he has left empty it', async (t) => {
  const [database, file] = await openAt('stay.sqlite');
  await database.register(someRegistrations(0, 10));
  const reader = startScript('database-worker', 'stay', file);
  assert.equal(await reader.said(), 'reading');
  const longest = await registerMany(database, file, 20_000, 50);
  t.diagnostic(`longest log: ${(longest / MiB).toFixed()} MiB`);
  assert.ok(longest > 32 * MiB, `${longest}`);
  reader.child.stdin.end();
  await reader.exit;
  let tries = 0;
  for (; tries < 100 && logSize(file) > MiB; tries++) {
    await database.register(someRegistrations(1_000_000 + tries, 1_000_001 + tries));
    await sleep(50);
  }
  assert.ok(tries < 100, `still ${logSize(file)} bytes`);
  database.close();
});

test('the sqlite3 program as the reader who stays', requires('program:sqlite3'), async () => {
  const [database, file] = await openAt('program.sqlite');
  await database.register(someRegistrations(0, 10));
  const reader = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  reader.stdin.write('begin; select count(*) from ValidPaths;\n');
  assert.equal(String((await once(reader.stdout, 'data'))[0]), '10\n');
  await registerMany(database, file, 10_000, 50);
  reader.stdin.write('select count(*) from ValidPaths;\n');
  assert.equal(String((await once(reader.stdout, 'data'))[0]), '10\n', 'he sees what he saw');
  assert.ok(logSize(file) > 16 * MiB);
  reader.stdin.end();
  await once(reader, 'exit');
  for (let n = 0; n < 100 && logSize(file) > MiB; n++) {
    await database.register(someRegistrations(1_000_000 + n, 1_000_001 + n));
    await sleep(50);
  }
  assert.ok(logSize(file) <= MiB, `${logSize(file)}`);
  database.close();
});

test('no question keeps a transaction open', async () => {
  const [database, file] = await openAt('questions.sqlite');
  const { DatabaseSync } = await import('@photostructure/sqlite');
  await database.register(someRegistrations(0, 20));
  const [path] = database.validPaths() as [string];
  const questions: (() => unknown)[] = [
    () => database.isValid(path),
    () => database.pathInfo(path),
    () => database.references(path),
    () => database.referrers(path),
    () => database.validDerivers(path),
    () => database.derivationOutputs(path),
    () => database.pathFromHashPart('/nix/store', path.slice(11, 43)),
    () => database.closure([path]),
    () => database.topologicalSort([path]),
    () => assert.throws(() => database.closure(['/nix/store/none'])),
  ];
  const other = new DatabaseSync(file, { returnArrays: true });
  for (const [index, ask] of questions.entries()) {
    // The log is not empty, or nobody would be in its way.
    await database.register(someRegistrations(100 + index, 101 + index));
    ask();
    const [busy] = other.prepare('pragma wal_checkpoint(truncate)').get() as unknown as number[];
    assert.equal(busy, 0, `${ask}`);
  }
  other.close();
  database.close();
});

test('three processes that write and two that read all come to an end', async () => {
  const [database, file] = await openAt('writers.sqlite');
  const readers = [1, 2].map(() => startScript('database-worker', 'read', file));
  for (const { said } of readers) assert.equal(await said(), 'reading');
  const count = longForm ? 5000 : 300;
  const writers = ['a', 'b', 'c'].map((seed) =>
    startScript('database-worker', 'write', file, seed, `${count}`),
  );
  for (const { child, exit } of writers) {
    child.stdin.end();
    assert.deepEqual(await exit, [0, null]);
  }
  for (const { child } of readers) child.stdin.end();
  for (const { exit } of readers) assert.deepEqual(await exit, [0, null]);
  assert.equal(database.validPaths().length, 3 * count);
  assert.deepEqual(await database.check('/nix/store', { thorough: true }), []);
  database.close();
});

test('beside two that write without a pause, a hundred paths are registered', async (t) => {
  const [database, file] = await openAt('greedy.sqlite');
  await database.register(someRegistrations(0, 100));
  const others = [1, 2].map(() => startScript('database-worker', 'greedy', file));
  for (const { said } of others) assert.equal(await said(), 'writing');
  const began = performance.now();
  for (let n = 0; n < 100; n++) await database.register(someRegistrations(1000 + n, 1001 + n));
  t.diagnostic(`${((performance.now() - began) / 100).toFixed(1)} ms each`);
  for (const { child } of others) child.stdin.end();
  for (const { exit } of others) assert.deepEqual(await exit, [0, null]);
  assert.equal(database.validPaths().length, 200);
  database.close();
});
