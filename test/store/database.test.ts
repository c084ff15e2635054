import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Database, type Registration } from '../../ts/store/database.js';
import type { PathInfo } from '../../ts/store/path-info.js';
import { somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('database');
let counter = 0;
const open = (file = join(directory, `${counter++}.sqlite`)) =>
  Database.open({ file, readOnly: false, create: true, journal: 'wal', synchronous: 'off' });

function info(path: string, references: string[] = [], rest: Partial<PathInfo> = {}): PathInfo {
  return {
    path,
    narHash: { algorithm: 'sha256', hex: 'ab'.repeat(32) },
    narSize: 112,
    references,
    registrationTime: 1_700_000_000,
    ultimate: false,
    signatures: [],
    ...rest,
  };
}
const registrations = (...infos: PathInfo[]): Registration[] => infos.map((each) => ({ info: each }));
const [a, b, c] = [somePath('a'), somePath('b'), somePath('c')];

test('what goes in comes out', async () => {
  const database = await open();
  const full = info(b, [a, b], {
    deriver: somePath('d', 'b.drv'),
    ultimate: true,
    signatures: ['k1:AAAA', 'k2:BBBB=='],
    contentAddress: 'fixed:r:sha256:094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic',
  });
  // References may come in any order: of one transaction, and within a path.
  await database.register(registrations({ ...full, references: [b, a] }, info(a)));
  assert.deepEqual(database.pathInfo(b), full);
  assert.deepEqual(database.pathInfo(a), info(a));
  assert.equal(database.pathInfo(c), undefined);
  assert.deepEqual(database.references(b), [a, b]);
  assert.equal(database.references(c), undefined);
  assert.deepEqual(database.referrers(a), [b]);
  assert.deepEqual(database.referrers(b), [b]);
  assert.deepEqual(database.validPaths().sort(), [a, b]);
  assert.equal(database.pathFromHashPart('/nix/store', 'b'.repeat(32)), b);
  assert.equal(database.pathFromHashPart('/nix/store', 'c'.repeat(32)), undefined);
  assert.equal(database.pathFromHashPart('/nix/store', '0'.repeat(32)), undefined);
  database.close();
});

test('of many paths those are named that are not valid, in their order', async () => {
  const database = await open();
  const all = Array.from({ length: 5000 }, (_, index) => `/nix/store/${'0'.repeat(32)}-path-${index}`);
  const isValid = (_: string, index: number) => index % 3 === 0;
  await database.register(registrations(...all.filter(isValid).map((path) => info(path))));
  const mixed = [...all].reverse();
  const isMissing = (path: string) => !isValid(path, all.indexOf(path));
  assert.deepEqual(database.invalidPaths(mixed), mixed.filter(isMissing));
  assert.deepEqual(database.invalidPaths([c, a, c]), [c, a, c]);
  assert.deepEqual(database.invalidPaths([]), []);
  database.close();
});

test('registering again changes what Nix changes: not the time, not the deriver', async () => {
  const database = await open();
  await database.register(registrations(info(a)));
  const again = info(a, [], { narSize: 7, ultimate: true, signatures: ['k:AAAA'] });
  await database.register(registrations({ ...again, registrationTime: 5, deriver: somePath('d', 'x.drv') }));
  assert.deepEqual(database.pathInfo(a), again);
  database.close();
});

test('a reference that is not valid undoes the whole transaction', async () => {
  const database = await open();
  await assert.rejects(database.register(registrations(info(a), info(b, [c]))), { code: 'ERR_PATH_INVALID' });
  assert.deepEqual(database.validPaths(), []);
  database.close();
});

test('a cycle is refused: among new paths, and through old ones', async () => {
  const database = await open();
  await assert.rejects(database.register(registrations(info(a, [b]), info(b, [c]), info(c, [a]))), {
    code: 'ERR_OUTPUT_REJECTED',
    message: /lead back to it by way of/,
  });
  assert.deepEqual(database.validPaths(), []);
  await database.register(registrations(info(a), info(b, [a]), info(c, [b])));
  await assert.rejects(database.register(registrations(info(a, [c]))), { code: 'ERR_OUTPUT_REJECTED' });
  assert.deepEqual(database.references(a), []);
  database.close();
});

test('derivation outputs and derivers', async () => {
  const database = await open();
  const [d, e] = [somePath('d', 'd.drv'), somePath('f', 'f.drv')];
  const outputs = new Map([
    ['out', a],
    ['dev', b],
  ]);
  await database.register([
    { info: info(d), outputs },
    { info: info(e), outputs: new Map([['out', a]]) },
  ]);
  assert.deepEqual(
    [...database.derivationOutputs(d)],
    [
      ['dev', b],
      ['out', a],
    ],
  );
  assert.deepEqual(database.derivationOutputs(a).size, 0);
  assert.deepEqual(database.validDerivers(a), [d, e]);
  assert.deepEqual(database.validDerivers(c), []);
  database.close();
});

test('the closure of 10,000 paths', async (t) => {
  const database = await open();
  const path = (n: number) => `/nix/store/${String(n).padStart(32, '0')}-n`;
  // Each refers to ten before it.
  const infos = Array.from({ length: 10_000 }, (_, n) =>
    info(path(n), [...new Set([1, 2, 3, 5, 8, 13, 21, 34, 55, 89].map((k) => Math.max(0, n - k)))].map(path)),
  );
  await database.register(registrations(...infos));
  const start = performance.now();
  const closure = database.closure([path(9_999)]);
  t.diagnostic(`closure: ${(performance.now() - start).toFixed(1)} ms`);
  assert.equal(closure.length, 10_000);
  assert.deepEqual(
    closure,
    infos.map((each) => each.path),
  );
  assert.deepEqual(database.closure([path(1), path(0)]), [path(0), path(1)]);
  assert.deepEqual(database.topologicalSort([path(7), path(3), path(5)]), [path(3), path(5), path(7)]);
  assert.deepEqual(database.closure([]), []);
  assert.throws(() => database.closure([path(1), a]), { code: 'ERR_PATH_INVALID', message: new RegExp(a) });
  database.close();
});

test('what is no database is an error with its name, not a crash', async () => {
  const file = join(directory, 'garbage.sqlite');
  writeFileSync(file, Buffer.alloc(8192, 'garbage'));
  await assert.rejects(open(file), { code: 'ERR_STORE_DATABASE', message: /garbage\.sqlite/ });
  await assert.rejects(open(join(directory, 'missing', 'x.sqlite')), { code: 'ERR_STORE_OPEN' });
});

test('a file name with everything SQLite takes for syntax', async () => {
  const file = join(directory, 'odd ?#%41&mode=memory.sqlite');
  const database = await open(file);
  await database.register(registrations(info(a)));
  database.close();
  const again = await Database.open({
    file,
    readOnly: true,
    create: false,
    journal: 'wal',
    synchronous: 'off',
  });
  assert.equal(again.isValid(a), true);
  await assert.rejects(again.register(registrations(info(b))), { code: 'ERR_STORE_READ_ONLY' });
  again.close();
});

test('two connections write at once, and neither loses anything', async () => {
  const file = join(directory, 'both.sqlite');
  const [one, two] = [await open(file), await open(file)];
  const path = (n: number) => `/nix/store/${String(n).padStart(32, '0')}-n`;
  await Promise.all(
    Array.from({ length: 200 }, (_, n) => (n % 2 ? one : two).register(registrations(info(path(n))))),
  );
  assert.equal(one.validPaths().length, 200);
  assert.equal(two.validPaths().length, 200);
  one.close();
  two.close();
});
