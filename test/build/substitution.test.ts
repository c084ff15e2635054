import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import {
  fingerprint,
  generateSecretKey,
  type PublicKey,
  publicKeyOf,
  sign,
} from '../../ts/formats/signature.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { openSubstituters } from '../../ts/substitute/open-substituters.js';
import type { Substituter } from '../../ts/substitute/substituter.js';
import { Substitutes } from '../../ts/substitute/substitutes.js';
import { FakeExecutor, fillStore, someDerivation, startFakeBuild, until } from '../support/fake-builds.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Plans, copies and fallbacks between real stores; builders are not really run.
const directory = temporaryDirectory('substitution');
let stores = 0;
const newRoot = () => join(directory, `store-${++stores}`);

interface Setup {
  readonly substituters: readonly string[];
  readonly wanted: readonly DerivationValue[];
  readonly fallback?: boolean;
  readonly requireSignatures?: boolean;
  readonly publicKeys?: ReadonlyMap<string, PublicKey>;
  readonly change?: (substituters: Substituter[]) => readonly Substituter[];
}

/** Makes derivations in a new store that may copy from others. */
async function make(store: LocalStore, setup: Setup) {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const { fallback = false, requireSignatures = true, publicKeys = new Map() } = setup;
  const opened = await openSubstituters(setup.substituters, { store, env: {}, onWarning });
  const substituters = setup.change?.(opened) ?? opened;
  const trust = { requireSignatures, publicKeys };
  const substitutes = new Substitutes(substituters, { storeDir: '/nix/store', trust, fallback, onWarning });
  const executor = new FakeExecutor();
  const options = { fallback };
  const build = await startFakeBuild(store, executor, { wanted: setup.wanted, options, substitutes });
  const report = await build.run.result;
  await build.read;
  await substitutes.close();
  const statuses = report.results.map(({ status }) => status);
  return { report, statuses, warnings, events: build.events, built: executor.started };
}

/** The same substituter but for some answers. */
function like(substituter: Substituter, changes: Partial<Substituter>): Substituter {
  const { uri, storeDir, priority, trusted } = substituter;
  return {
    uri,
    storeDir,
    priority,
    trusted,
    query: (path, options) => substituter.query(path, options),
    fetch: (path, destination, options) => substituter.fetch(path, destination, options),
    close: () => substituter.close(),
    ...changes,
  };
}

const trusting = (root: string) => `${root}?trusted=1`;
const pathsOf = (events: readonly BuildEvent[], type: 'substitute.succeeded' | 'substitute.failed') =>
  events.flatMap((event) => (event.type === type ? [event.path] : []));

test('what a trusted store has is copied, and nothing is built', async () => {
  const root = newRoot();
  const base = someDerivation('base');
  const top = someDerivation('top', { base });
  await fillStore(root, [base, top]);
  await using store = await openTestStore(newRoot());
  const made = await make(store, { substituters: [trusting(root)], wanted: [top] });
  assert.deepEqual(made.statuses, ['Substituted']);
  assert.deepEqual(made.built, []);
  // What it was built from is not needed.
  assert.deepEqual(pathsOf(made.events, 'substitute.succeeded'), [top.outPath]);
  assert.ok(!store.isValid(base.outPath));
  assert.deepEqual(await store.verifyPath(top.outPath), { kind: 'good' });
  const { ultimate, deriver } = store.pathInfo(top.outPath);
  assert.deepEqual({ ultimate, deriver }, { ultimate: false, deriver: top.drvPath });
  const { built, substituted, failed } = made.events.at(-1) as BuildEvent & { type: 'finished' };
  assert.deepEqual({ built, substituted, failed }, { built: 0, substituted: 1, failed: 0 });
});

/** A chain in which each refers to the one before, in a store that has them all. */
async function chain(names: readonly string[]): Promise<{ root: string; drvs: DerivationValue[] }> {
  const drvs: DerivationValue[] = [];
  for (const name of names) {
    const before = drvs.at(-1);
    drvs.push(someDerivation(name, before ? { contents: `see ${before}` } : {}));
  }
  const root = newRoot();
  await fillStore(root, drvs);
  return { root, drvs };
}

test('a closure comes with what it refers to, references first', async () => {
  const { root, drvs } = await chain(['c1', 'c2', 'c3', 'c4']);
  await using store = await openTestStore(newRoot());
  const made = await make(store, { substituters: [trusting(root)], wanted: [drvs.at(-1)!] });
  assert.deepEqual(made.statuses, ['Substituted']);
  assert.deepEqual(
    pathsOf(made.events, 'substitute.succeeded'),
    drvs.map(({ outPath }) => outPath),
  );
  assert.deepEqual(
    store.closure([drvs.at(-1)!.outPath]),
    drvs.map(({ outPath }) => outPath),
  );
});

test('a closure that is not whole is not begun with: it is built', async () => {
  const { root, drvs } = await chain(['h1', 'h2']);
  const [hole, top] = drvs as [DerivationValue, DerivationValue];
  await using store = await openTestStore(newRoot());
  const change = ([substituter]: Substituter[]) => [
    like(substituter!, {
      query: async (path: string, options: never) =>
        path === hole.outPath ? undefined : await substituter!.query(path, options),
    }),
  ];
  const made = await make(store, { substituters: [trusting(root)], wanted: [top], change });
  assert.deepEqual(made.statuses, ['Built']);
  assert.deepEqual(made.built, ['h1', 'h2']);
});

test('without a signature nothing is copied, and it is said; with one it is', async () => {
  const { root, drvs } = await chain(['s1', 's2']);
  const top = drvs[1]!;
  await using store = await openTestStore(newRoot());
  const refused = await make(store, { substituters: [root], wanted: [top] });
  assert.deepEqual(refused.statuses, ['Built']);
  assert.match(
    refused.warnings[0]!,
    /^the substitute for '.*-s2' from '.*' is not signed by any of the keys in 'trusted-public-keys'$/,
  );

  const key = generateSecretKey('ours-1');
  await using signed = await openTestStore(root);
  const outputs = drvs.map(({ outPath }) => signed.pathInfo(outPath));
  await signed.close();
  const sign1 = ([substituter]: Substituter[]) => [
    like(substituter!, {
      query: async (path: string) => {
        const info = outputs.find((one) => one.path === path);
        return info && { ...info, signatures: [sign(key, fingerprint(info))] };
      },
    }),
  ];
  await using other = await openTestStore(newRoot());
  const publicKeys = new Map([[key.name, publicKeyOf(key)]]);
  const believed = await make(other, { substituters: [root], wanted: [top], publicKeys, change: sign1 });
  assert.deepEqual(believed.statuses, ['Substituted']);
  assert.equal(other.pathInfo(top.outPath).signatures.length, 1);
});

test('a derivation that allows no substitutes is built', async () => {
  const root = newRoot();
  const own = someDerivation('own', { allowSubstitutes: false });
  await fillStore(root, [own]);
  await using store = await openTestStore(newRoot());
  const made = await make(store, { substituters: [trusting(root)], wanted: [own] });
  assert.deepEqual(made.statuses, ['Built']);
});

/** Changes a file of a store under its hands. */
async function damage(root: string, { outPath }: DerivationValue): Promise<void> {
  await using store = await openTestStore(root);
  const file = store.realPath(outPath);
  chmodSync(file, 0o644);
  writeFileSync(file, `${readFileSync(file, 'utf8')}!`);
}

test('what comes damaged is refused with both hashes; without fallback that is a failure', async () => {
  const { root, drvs } = await chain(['d1', 'd2']);
  await damage(root, drvs[0]!);
  await using store = await openTestStore(newRoot());
  const made = await make(store, { substituters: [trusting(root)], wanted: [drvs[1]!] });
  assert.deepEqual(made.statuses, ['TransientFailure']);
  assert.deepEqual(made.report.results[0]!.error?.code, 'ERR_SUBSTITUTE');
  assert.match(
    made.report.results[0]!.error.message,
    /^some substitutes for the outputs of derivation '.*-d2.drv' failed .*; try '--fallback'/,
  );
  assert.equal(made.report.exitStatus, 1);
  const failed = made.events.find((event) => event.type === 'substitute.failed');
  assert.match(failed?.type === 'substitute.failed' ? failed.message : '', /hash mismatch importing path/);
  assert.deepEqual(made.built, []);
});

test('with fallback it is built', async () => {
  const { root, drvs } = await chain(['f1', 'f2']);
  await damage(root, drvs[0]!);
  await using store = await openTestStore(newRoot());
  const made = await make(store, { substituters: [trusting(root)], wanted: [drvs[1]!], fallback: true });
  assert.deepEqual(made.statuses, ['Built']);
  assert.deepEqual(made.built, ['f1', 'f2']);
});

test('what one store delivers damaged, or not any more, the next one may have', async () => {
  const { root: bad, drvs } = await chain(['n1', 'n2']);
  const good = newRoot();
  await fillStore(good, drvs);
  await damage(bad, drvs[0]!);
  for (const lost of [false, true]) {
    await using store = await openTestStore(newRoot());
    const change = ([first, ...rest]: Substituter[]) => [
      lost ? like(first!, { fetch: async () => false }) : first!,
      ...rest,
    ];
    const lines = {
      substituters: [`${bad}?trusted=1&priority=-1`, trusting(good)],
      wanted: [drvs[1]!],
      change,
    };
    const made = await make(store, lines);
    assert.deepEqual(made.statuses, ['Substituted']);
    assert.deepEqual(made.built, []);
    assert.deepEqual(pathsOf(made.events, 'substitute.failed'), lost ? [] : [drvs[0]!.outPath]);
  }
});

test('what nobody has any more is built without being asked for it', async () => {
  const { root, drvs } = await chain(['g1']);
  await using store = await openTestStore(newRoot());
  const change = ([first]: Substituter[]) => [like(first!, { fetch: async () => false })];
  const made = await make(store, { substituters: [trusting(root)], wanted: drvs, change });
  assert.deepEqual(made.statuses, ['Built']);
});

test('a substituter that cannot be opened, is another kind of store or has other paths is a warning', async () => {
  await using store = await openTestStore(newRoot());
  const { root } = store.directories;
  const substituters = [
    'https://cache.example.org',
    join(directory, 'nothing-here'),
    `local?root=${newRoot()}&store=/other/store`,
    `${newRoot()}?priority=soon`,
    root!,
  ];
  const made = await make(store, { substituters, wanted: [someDerivation('w')] });
  assert.deepEqual(made.statuses, ['Built']);
  assert.equal(made.warnings.length, 4);
  for (const warning of made.warnings) assert.match(warning, /^the substituter '.*' is not used: /);
});

test('a missing .drv is copied, and then what it says is made', async () => {
  const { root, drvs } = await chain(['m1', 'm2']);
  await using store = await openTestStore(newRoot());
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const opened = await openSubstituters([trusting(root)], { store, env: {}, onWarning });
  const trust = { requireSignatures: true, publicKeys: new Map() };
  const substitutes = new Substitutes(opened, { storeDir: '/nix/store', trust, fallback: false, onWarning });
  const more = [{ kind: 'outputs', drvPath: drvs[1]!.drvPath, outputs: 'all' } as const];
  const { run, read } = await startFakeBuild(store, new FakeExecutor(), { wanted: [], more, substitutes });
  const { results } = await run.result;
  await read;
  await substitutes.close();
  assert.deepEqual([results[0]!.status, results[0]!.outputs], ['Substituted', { out: drvs[1]!.outPath }]);
});

test('stopped while it copies, nothing is left and the result says so', async () => {
  const { root, drvs } = await chain(['a1', 'a2']);
  await using store = await openTestStore(newRoot());
  const abort = new AbortController();
  const onWarning = () => {};
  const [opened] = await openSubstituters([trusting(root)], { store, env: {}, onWarning });
  const slow = like(opened!, {
    fetch: async (_path: string, destination: string, { signal }: { signal: AbortSignal }) => {
      writeFileSync(destination, 'half');
      abort.abort(new Error('stopped by hand'));
      signal.throwIfAborted();
      return true;
    },
  });
  const trust = { requireSignatures: true, publicKeys: new Map() };
  const substitutes = new Substitutes([slow], { storeDir: '/nix/store', trust, fallback: false, onWarning });
  const options = { wanted: [drvs[1]!], substitutes, signal: abort.signal };
  const { run, read } = await startFakeBuild(store, new FakeExecutor(), options);
  const { results } = await run.result;
  await read;
  await substitutes.close();
  assert.deepEqual([results[0]!.status, results[0]!.error?.code], ['Cancelled', 'ERR_ABORTED']);
  assert.ok(drvs.every(({ outPath }) => !store.isValid(outPath)));
});

test('copying takes no slot of builds, and is done before the first build starts', async () => {
  const root = newRoot();
  const copied = ['p1', 'p2', 'p3'].map((name) => someDerivation(name));
  await fillStore(root, copied);
  await using store = await openTestStore(newRoot());
  let most = 0;
  const change = ([substituter]: Substituter[]) => [
    like(substituter!, {
      fetch: async (path: string, destination: string, options: never) => {
        most++;
        await until(() => most === copied.length);
        return await substituter!.fetch(path, destination, options);
      },
    }),
  ];
  // One job, and still all three are copied side by side.
  const wanted = [someDerivation('to-be-built'), ...copied];
  const { statuses, events } = await make(store, { substituters: [trusting(root)], wanted, change });
  assert.deepEqual(statuses, ['Built', 'Substituted', 'Substituted', 'Substituted']);
  const types = events.map(({ type }) => type);
  assert.ok(types.lastIndexOf('substitute.succeeded') < types.indexOf('build.started'));
});
