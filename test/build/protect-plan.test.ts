import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeMissing } from '../../ts/build/approach.js';
import { makePlan, planAndSubstitute } from '../../ts/build/make-plan.js';
import type { Wanted } from '../../ts/build/records.js';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { instantiate } from '../../ts/store/instantiate.js';
import { openSubstituters } from '../../ts/substitute/open-substituters.js';
import { Substitutes } from '../../ts/substitute/substitutes.js';
import { FakeExecutor, fillStore, someDerivation, startFakeBuild } from '../support/fake-builds.js';
import { openTestStore, startScript } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('protect-plan');
let stores = 0;
const newRoot = () => join(directory, `store-${++stores}`);

const allOf = ({ drvPath }: DerivationValue): Wanted => ({ kind: 'outputs', drvPath, outputs: 'all' });

/** Collects the garbage of a store in a process of its own. */
async function collect(root: string): Promise<void> {
  const collector = startScript('store-worker', 'collect', root);
  collector.child.stdout.resume();
  assert.deepEqual(await collector.exit, [0, null]);
}

test('what is valid already stays while the rest is built, whoever collects meanwhile', async () => {
  const root = newRoot();
  const valid = someDerivation('valid');
  const path = someDerivation('path');
  const [early, late] = [someDerivation('early'), someDerivation('late')];
  const first = someDerivation('first', { early });
  // Its input is looked at when the plan is made, and used when the first build has ended.
  const last = someDerivation('last', { first, late });
  const garbage = someDerivation('garbage');
  await fillStore(root, [valid, path, early, late, garbage]);
  await using store = await openTestStore(root);
  const executor = new FakeExecutor({
    wait: (name) => (name === 'first' ? collect(root) : Promise.resolve()),
  });
  const { run, read } = await startFakeBuild(store, executor, {
    wanted: [valid, last],
    more: [{ kind: 'path', path: path.outPath }],
  });
  const { results } = await run.result;
  await read;
  assert.deepEqual(executor.started, ['first', 'last']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['AlreadyValid', 'Built', 'AlreadyValid'],
  );
  for (const { outPath } of [valid, path, early, late]) assert.ok(store.isValid(outPath), outPath);
  assert.ok(!store.isValid(garbage.outPath), 'something was collected');
  await store.makeResultLink({ link: join(directory, 'result'), path: valid.outPath });
});

/** Plans, and substitutes, while somebody else deletes a path after the first plan has been made. */
async function prepareWhileGoing(
  wanted: readonly DerivationValue[],
  { root, gone, source }: { readonly root: string; readonly gone: string; readonly source?: string },
) {
  await using store = await openTestStore(root);
  for (const one of wanted) await instantiate(evaluatedObjects(one), store);
  const onWarning = (message: string) => assert.fail(message);
  const from = source === undefined ? [] : [`${source}?trusted=1`];
  const substituters = await openSubstituters(from, { store, env: {}, onWarning });
  const trust = { requireSignatures: true, publicKeys: new Map() };
  const how = { storeDir: '/nix/store', trust, fallback: false, onWarning };
  const substitutes = new Substitutes(substituters, how);
  const valid: (readonly string[])[] = [];
  const prepared = await planAndSubstitute(wanted.map(allOf), {
    store,
    substitutes: async () => substitutes,
    signal: new AbortController().signal,
    emit: () => undefined,
    approach: {
      ...makeMissing(store),
      plan: async (all, context) => {
        const planned = await makePlan(all, context);
        valid.push(planned.plan.valid);
        if (valid.length === 1) {
          await using other = await openTestStore(root);
          await other.deletePaths([gone]);
        }
        return planned;
      },
    },
  });
  await substitutes.close();
  return { ...prepared, valid };
}

test('a path that goes between the look at it and the root is planned for again', async () => {
  const root = newRoot();
  const [gone, there] = [someDerivation('gone'), someDerivation('there')];
  await fillStore(root, [gone, there]);
  const { plan, valid } = await prepareWhileGoing([gone, there], { root, gone: gone.outPath });
  assert.deepEqual(
    valid.map((paths) => paths.includes(gone.outPath)),
    [true, false],
  );
  assert.deepEqual(
    plan.build.map(({ drvPath }) => drvPath),
    [gone.drvPath],
  );
});

test('a reference of a substitute that goes meanwhile is substituted, too', async () => {
  const source = newRoot();
  const base = someDerivation('base');
  const top = someDerivation('top', { base, contents: `see ${base}` });
  await fillStore(source, [base, top]);
  const root = newRoot();
  await fillStore(root, [base]);
  const prepared = await prepareWhileGoing([top], { root, gone: base.outPath, source });
  assert.deepEqual([...prepared.failures], []);
  assert.deepEqual([...prepared.copied], [base.outPath, top.outPath]);
});

test('no link is made to what is not valid, and one that is there stays', async () => {
  const root = newRoot();
  const [kept, gone] = [someDerivation('kept'), someDerivation('gone')];
  await fillStore(root, [kept, gone]);
  await using store = await openTestStore(root);
  const link = join(directory, 'other-result');
  await store.makeResultLink({ link, path: kept.outPath });
  {
    await using other = await openTestStore(root);
    await other.deletePaths([gone.outPath]);
  }
  for (const one of [link, join(directory, 'new', 'result')]) {
    await assert.rejects(store.makeResultLink({ link: one, path: gone.outPath }), {
      code: 'ERR_PATH_INVALID',
      details: { path: gone.outPath },
    });
  }
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.ok(!existsSync(join(directory, 'new')));
});

test('there is no limit to the paths that become roots at once', async () => {
  const root = newRoot();
  await using store = await openTestStore(root);
  const names = Array.from({ length: 200_000 }, (_, n) => `${n}`.padStart(32, '0'));
  await store.addTempRoots(names.map((digits) => `/nix/store/${digits}-x`));
  const roots = readFileSync(join(root, 'nix/var/nix/temproots', `${process.pid}`), 'latin1').split('\0');
  assert.equal(roots.length, names.length + 1);
  assert.equal(roots.at(-2), `/nix/store/${names.at(-1)}-x`);
});
