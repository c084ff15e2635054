import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AirplantError } from '../../ts/base/errors.js';
import type { BuildEvent } from '../../ts/base/events.js';
import type { Wanted } from '../../ts/build/records.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { openSubstituters } from '../../ts/substitute/open-substituters.js';
import { Substitutes } from '../../ts/substitute/substitutes.js';
import { damage, damages } from '../support/damage.js';
import { FakeExecutor, someDerivation, someText, startFakeBuild, until } from '../support/fake-builds.js';
import { requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Which paths are found damaged, and how they are made again; builders are not really run.
const directory = temporaryDirectory('repair');
let stores = 0;
const newRoot = () => join(directory, `store-${++stores}`);

/** A store in which derivations have been built. */
async function filledStore(wanted: readonly DerivationValue[], root = newRoot()): Promise<LocalStore> {
  const store = await openTestStore(root);
  const { run } = await startFakeBuild(store, new FakeExecutor(), { wanted });
  assert.equal((await run.result).exitStatus, 0);
  return store;
}

interface Setup {
  readonly wanted?: readonly DerivationValue[];
  readonly paths?: readonly string[];
  /** Roots of stores to copy from. */
  readonly from?: readonly string[];
  readonly executor?: FakeExecutor;
}

async function repair(
  store: LocalStore,
  { wanted = [], paths = [], from = [], executor = new FakeExecutor() }: Setup,
) {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const opened = await openSubstituters(from, { store, env: {}, onWarning });
  const trust = { requireSignatures: true, publicKeys: new Map() };
  const substitutes = new Substitutes(opened, { storeDir: '/nix/store', trust, fallback: false, onWarning });
  const more = paths.map((path): Wanted => ({ kind: 'path', path }));
  const { run, read, events } = await startFakeBuild(store, executor, {
    wanted,
    more,
    substitutes,
    repair: true,
  });
  const { results, repaired, exitStatus } = await run.result;
  await read;
  await substitutes.close();
  const statuses = results.map(({ status }) => status);
  for (const event of events) if (event.type === 'warning') warnings.push(event.message);
  return { results, statuses, repaired, exitStatus, events, warnings, built: executor.started };
}

const checked = (events: readonly BuildEvent[]) =>
  events.flatMap((event) => (event.type === 'path.checking' ? [event.path] : []));

/** All valid paths are good, and nothing else lies in the store. */
async function assertWhole(store: LocalStore): Promise<void> {
  for (const path of store.validPaths())
    assert.deepEqual(await store.verifyPath(path), { kind: 'good' }, path);
  const left = readdirSync(store.directories.realStoreDir).filter(
    (name) => name !== '.links' && !name.endsWith('.lock') && !store.isValid(`/nix/store/${name}`),
  );
  assert.deepEqual(left, []);
}

/** Each refers to the one before. */
function chain(...names: string[]): DerivationValue[] {
  const drvs: DerivationValue[] = [];
  for (const name of names) {
    const before = drvs.at(-1);
    drvs.push(someDerivation(name, before ? { contents: `see ${before}` } : {}));
  }
  return drvs;
}

test('a store that is whole is only read', async () => {
  const drvs = chain('w1', 'w2');
  await using store = await filledStore(drvs);
  const before = drvs.map(({ outPath }) => lstatSync(store.realPath(outPath)).ino);
  const done = await repair(store, { wanted: [drvs[1]!] });
  assert.deepEqual(done.statuses, ['AlreadyValid']);
  assert.deepEqual([done.built, done.repaired], [[], []]);
  assert.deepEqual(checked(done.events).sort(), drvs.map(({ outPath }) => outPath).sort());
  assert.deepEqual(
    drvs.map(({ outPath }) => lstatSync(store.realPath(outPath)).ino),
    before,
  );
});

for (const how of Object.keys(damages)) {
  test(`${how}: built again, in the place of the old`, async () => {
    const [only] = chain('only') as [DerivationValue];
    await using store = await filledStore([only]);
    const registered = store.pathInfo(only.outPath);
    await damage(store, only.outPath, how);
    const done = await repair(store, { wanted: [only] });
    assert.deepEqual(done.statuses, ['Built']);
    assert.deepEqual([done.built, done.repaired, done.exitStatus], [['only'], [only.outPath], 0]);
    assert.deepEqual(store.pathInfo(only.outPath), registered);
    await assertWhole(store);
  });

  test(`${how}: copied from a store that has the same, trusted or not`, async () => {
    const drvs = chain('c1', 'c2');
    const root = newRoot();
    await (await filledStore(drvs, root)).close();
    await using store = await filledStore(drvs);
    const registered = store.pathInfo(drvs[1]!.outPath);
    await damage(store, drvs[1]!.outPath, how);
    const done = await repair(store, { wanted: [drvs[1]!], from: [root] });
    assert.deepEqual(done.statuses, ['Substituted']);
    assert.deepEqual([done.built, done.repaired], [[], [drvs[1]!.outPath]]);
    assert.deepEqual(store.pathInfo(drvs[1]!.outPath), registered);
    await assertWhole(store);
  });
}

test('a damaged dependency is found in the closure and its derivation built', async () => {
  const drvs = chain('p1', 'p2', 'p3');
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  const done = await repair(store, { wanted: [drvs[2]!] });
  assert.deepEqual([done.statuses, done.built], [['AlreadyValid'], ['p1']]);
  assert.deepEqual(done.repaired, [drvs[0]!.outPath]);
  await assertWhole(store);
});

test('whoever is built waits for the repair of all it sees, however deep', async () => {
  // Left to the order of the names alone, the last one would be first.
  let drvs = chain('d1', 'd2', 'd3');
  for (let n = 0; drvs[2]!.drvPath > drvs[0]!.drvPath; n++) drvs = chain(`d1-${n}`, 'd2', 'd3');
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  await damage(store, drvs[2]!.outPath);
  const seen: string[] = [];
  const executor = new FakeExecutor({
    wait: async (name) => {
      if (name === 'd3') seen.push((await store.verifyPath(drvs[0]!.outPath)).kind);
    },
  });
  const done = await repair(store, { wanted: [drvs[2]!], executor });
  assert.deepEqual(
    done.built.map((name) => name.slice(0, 2)),
    ['d1', 'd3'],
  );
  assert.deepEqual(seen, ['good']);
  await assertWhole(store);
});

test('of a path only that path is looked at', async () => {
  const drvs = chain('a1', 'a2');
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  const done = await repair(store, { paths: [drvs[1]!.outPath] });
  assert.deepEqual([done.statuses, done.built], [['AlreadyValid'], []]);
  assert.deepEqual(checked(done.events), [drvs[1]!.outPath]);
  // It is built again only from what is good.
  await damage(store, drvs[1]!.outPath);
  const again = await repair(store, { paths: [drvs[1]!.outPath] });
  assert.deepEqual([again.statuses, again.built], [['Built'], ['a1', 'a2']]);
  await assertWhole(store);
});

test('of several outputs only the damaged ones are replaced', async () => {
  const multi = someDerivation('multi', { outputs: ['out', 'dev', 'lib'] });
  await using store = await filledStore([multi]);
  const outputs = Object.fromEntries(store.derivationOutputs(multi.drvPath));
  await damage(store, outputs['dev']!, 'a path that is gone');
  const inodes = () => ['out', 'lib'].map((name) => lstatSync(store.realPath(outputs[name]!)).ino);
  const before = inodes();
  const done = await repair(store, { wanted: [multi] });
  assert.deepEqual(done.repaired, [outputs['dev']]);
  assert.deepEqual(inodes(), before);
  await assertWhole(store);
});

test('contents that come out as they were keep their signatures', async () => {
  const [only] = chain('signed') as [DerivationValue];
  await using store = await filledStore([only]);
  const source = join(store.directories.realStoreDir, 'copy');
  await store.copyOut(only.outPath, source);
  await native.canonicaliseTree(source);
  const info = { ...store.pathInfo(only.outPath), signatures: ['ours-1:AAAA'], ultimate: false };
  await store.replaceOutputs([{ ...info, source }]);
  await damage(store, only.outPath);
  assert.deepEqual((await repair(store, { wanted: [only] })).repaired, [only.outPath]);
  assert.deepEqual(store.pathInfo(only.outPath), { ...info, ultimate: true });
});

test('contents that come out differently are registered as they are now, references and all', async () => {
  const [a, b] = chain('b1', 'b2') as [DerivationValue, DerivationValue];
  await using store = await filledStore([a, b]);
  await damage(store, b.outPath);
  const executor = new FakeExecutor({ contentsOf: () => 'something else' });
  const done = await repair(store, { wanted: [b], executor });
  assert.deepEqual(done.statuses, ['Built']);
  assert.match(done.warnings.join('\n'), /may not be deterministic: output '.*-b2' had the hash 'sha256:/);
  assert.equal(readFileSync(store.realPath(b.outPath), 'utf8'), 'something else');
  assert.deepEqual(store.references(b.outPath), []);
  await assertWhole(store);
});

test('a source that nobody has cannot be repaired, and nothing is built from it', async () => {
  const text = someText('text', 'a source');
  const user = someDerivation('user', { text });
  await using store = await filledStore([user]);
  await damage(store, `${text}`);
  await damage(store, user.outPath);
  const done = await repair(store, { wanted: [user] });
  assert.equal(done.exitStatus, 1);
  assert.deepEqual(done.built, []);
  assert.equal(done.results[0]!.error?.code, 'ERR_REPAIR');
  assert.equal(done.results[0]!.error.message, `cannot repair path '${text}'`);
  const alone = await repair(store, { paths: [`${text}`] });
  assert.equal(alone.results[0]!.error?.message, `cannot repair path '${text}'`);

  // With somebody who has it, both are.
  const root = newRoot();
  await (await filledStore([user], root)).close();
  await using other = await openTestStore(root);
  await damage(other, user.outPath);
  await other.close();
  const both = await repair(store, { wanted: [user], from: [root] });
  assert.deepEqual(both.statuses, ['Built']);
  await assertWhole(store);
});

test('a damaged .drv is copied, and what it says is believed only then', async () => {
  const drvs = chain('v1', 'v2');
  const root = newRoot();
  await (await filledStore(drvs, root)).close();
  const filled = await filledStore(drvs);
  await damage(filled, drvs[0]!.drvPath, 'a path that is gone');
  await filled.close();
  await using store = await openTestStore(filled.directories.root!);
  await damage(store, drvs[0]!.outPath);
  const wanted: Wanted = { kind: 'outputs', drvPath: drvs[0]!.drvPath, outputs: 'all' };
  const alone = await startFakeBuild(store, new FakeExecutor(), { wanted: [], more: [wanted], repair: true });
  assert.equal((await alone.run.result).results[0]!.error?.code, 'ERR_REPAIR');
  const done = await repair(store, { paths: [drvs[0]!.drvPath, drvs[0]!.outPath], from: [root] });
  assert.deepEqual(done.statuses, ['Substituted', 'Substituted']);
  await assertWhole(store);
});

test('damage in the substitute too: built', async () => {
  const drvs = chain('s1');
  const root = newRoot();
  await using other = await filledStore(drvs, root);
  await damage(other, drvs[0]!.outPath);
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  const done = await repair(store, { wanted: drvs, from: [root] });
  assert.deepEqual([done.statuses, done.built], [['Built'], ['s1']]);
  await assertWhole(store);
});

test('a build that fails leaves the damaged contents where they are', async () => {
  const drvs = chain('f1');
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  const before = readFileSync(store.realPath(drvs[0]!.outPath), 'utf8');
  const executor = new FakeExecutor({ wait: () => Promise.reject(new Error('no luck')) });
  const done = await repair(store, { paths: [drvs[0]!.outPath], executor });
  assert.equal(done.exitStatus, 1);
  assert.equal(done.results[0]!.error?.code, 'ERR_REPAIR');
  assert.equal(readFileSync(store.realPath(drvs[0]!.outPath), 'utf8'), before);
  assert.ok(store.isValid(drvs[0]!.outPath));
});

test('what a path cannot be repaired for is in its status, and one failure', async () => {
  const drvs = chain('f2');
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  const mismatch = new AirplantError('ERR_HASH_MISMATCH', 'another hash');
  const executor = new FakeExecutor({ wait: () => Promise.reject(mismatch) });
  const done = await repair(store, { paths: [drvs[0]!.outPath], executor });
  assert.equal(done.exitStatus, 102);
  assert.deepEqual(done.statuses, ['HashMismatch']);
  const failures = done.events.flatMap((event) => (event.type === 'build.failed' ? [event.message] : []));
  assert.deepEqual(failures, ['another hash', `cannot repair path '${drvs[0]!.outPath}'`]);
  assert.equal(done.events.find((event) => event.type === 'finished')?.failed, 1);
});

test('what somebody else repairs while we wait for the lock is not made again', async () => {
  const drvs = chain('l1');
  await using store = await filledStore(drvs);
  const { outPath } = drvs[0]!;
  const good = readFileSync(store.realPath(outPath));
  await damage(store, outPath, 'a path that is gone');
  const locks = await store.lockPaths([outPath]);
  const executor = new FakeExecutor();
  const { run, events, read } = await startFakeBuild(store, executor, { wanted: drvs, repair: true });
  await until(() => events.some(({ type }) => type === 'build.waiting'));
  writeFileSync(store.realPath(outPath), good, { mode: 0o444 });
  locks.release({ delete: true });
  await run.result;
  await read;
  assert.deepEqual(executor.started, []);
});

test('as root: what is marked immutable is named at once, and nothing is built in vain', {
  ...requires('linux', 'root', 'program:chattr'),
}, async () => {
  const drvs = chain('i1', 'i2');
  await using store = await filledStore(drvs);
  const [below, above] = drvs.map(({ outPath }) => outPath) as [string, string];
  for (const path of [below, above]) await damage(store, path);
  execFileSync('chattr', ['+i', store.realPath(below)]);
  try {
    const done = await repair(store, { wanted: [drvs[1]!] });
    assert.deepEqual([done.built, done.exitStatus], [[], 1]);
    const failed = done.events.find((event) => event.type === 'build.failed');
    assert.ok(failed?.type === 'build.failed' && failed.code === 'ERR_PATH_IMMUTABLE');
    assert.ok(failed.message.includes(store.realPath(below)));
    const alone = await repair(store, { paths: [below] });
    assert.match(alone.results[0]!.error!.hint, /chattr -R -i/);
  } finally {
    execFileSync('chattr', ['-i', store.realPath(below)]);
  }
  assert.deepEqual((await repair(store, { wanted: [drvs[1]!] })).built, ['i1', 'i2']);
  await assertWhole(store);
});

test('the plan of a repair says what would be copied and built, and changes nothing', async () => {
  const drvs = chain('y1', 'y2');
  await using store = await filledStore(drvs);
  await damage(store, drvs[0]!.outPath);
  const { repairDamaged } = await import('../../ts/build/repair/approach.js');
  const approach = repairDamaged(store, () => undefined);
  const wanted = [{ kind: 'outputs', drvPath: drvs[1]!.drvPath, outputs: 'all' } as const];
  const signal = new AbortController().signal;
  const { plan } = await approach.plan(wanted, { store, signal, substitutes: async () => undefined });
  assert.deepEqual(
    plan.build.map(({ drvPath, missing }) => [drvPath, missing]),
    [[drvs[0]!.drvPath, ['out']]],
  );
  assert.equal((await store.verifyPath(drvs[0]!.outPath)).kind, 'modified');
});
