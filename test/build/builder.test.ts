import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Deferred } from '../../ts/base/deferred.js';
import { isAirplantError } from '../../ts/base/errors.js';
import type { BuildEvent } from '../../ts/base/events.js';
import type { BuildReport } from '../../ts/build/builder.js';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { native } from '../../ts/native.js';
import { instantiate } from '../../ts/store/instantiate.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { FakeExecutor, someDerivation, startFakeBuild, until } from '../support/fake-builds.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('builder');
let stores = 0;

function newStore(): Promise<LocalStore> {
  return openTestStore(join(directory, `store-${++stores}`));
}

/** Makes an output valid, as another process would that has the lock. */
async function makeElsewhere(store: LocalStore, { drvPath, outPath }: DerivationValue): Promise<void> {
  const source = join(directory, 'made-elsewhere');
  writeFileSync(source, 'by another process');
  await native.canonicaliseTree(source);
  const { hash, narSize } = await native.hashTree(source, []);
  const narHash = { algorithm: 'sha256', hex: hash } as const;
  await store.registerOutputs([
    { path: outPath, source, narHash, narSize, references: [], deriver: drvPath },
  ]);
}

const typesOf = (events: readonly BuildEvent[], drvPath: string) =>
  events.filter((event) => 'drvPath' in event && event.drvPath === drvPath).map(({ type }) => type);

const statusesOf = ({ results }: BuildReport) => results.map(({ status }) => status);

test('what another process makes while we wait is not said to be built, and the wait holds no slot', async () => {
  await using store = await newStore();
  const [a, b] = [someDerivation('a'), someDerivation('b')];
  const locks = await store.lockPaths([a.outPath]);
  const executor = new FakeExecutor();
  const { run, events, read } = await startFakeBuild(store, executor, { wanted: [a, b] });
  // There is one slot, and the first in the queue does not keep it.
  await until(() => typesOf(events, b.drvPath).includes('build.succeeded'));
  await until(() => typesOf(events, a.drvPath).length > 0);
  assert.deepEqual(
    events.find(({ type }) => type === 'build.waiting'),
    { type: 'build.waiting', drvPath: a.drvPath, reason: 'lock', paths: [a.outPath] },
  );
  await makeElsewhere(store, a);
  locks.release({ delete: true });
  assert.deepEqual(statusesOf(await run.result), ['AlreadyValid', 'Built']);
  await read;
  assert.deepEqual(executor.started, ['b']);
  assert.deepEqual(typesOf(events, a.drvPath), ['build.waiting', 'build.made-elsewhere']);
  const { built, madeElsewhere, failed } = events.at(-1) as BuildEvent & { type: 'finished' };
  assert.deepEqual({ built, madeElsewhere, failed }, { built: 1, madeElsewhere: 1, failed: 0 });
});

test('with the lock at last and no slot, the lock is given back until there is one', async () => {
  await using store = await newStore();
  const [a, b] = [someDerivation('a'), someDerivation('b')];
  const locks = await store.lockPaths([a.outPath]);
  const endOfB = new Deferred<void>();
  const executor = new FakeExecutor({ wait: (name) => (name === 'b' ? endOfB.promise : Promise.resolve()) });
  const { run, events, read } = await startFakeBuild(store, executor, { wanted: [a, b] });
  await until(() => executor.started.includes('b'));
  locks.release({ delete: false });
  await until(() => events.some((event) => event.type === 'build.waiting' && event.reason === 'slot'));
  const again = await store.tryLockPaths([a.outPath]);
  assert.ok(again, 'another process could build it now');
  again.release({ delete: false });
  assert.deepEqual(executor.started, ['b']);
  endOfB.resolve();
  assert.deepEqual(statusesOf(await run.result), ['Built', 'Built']);
  await read;
});

test('each failure is told before the count of them, and no other is counted', async () => {
  await using store = await newStore();
  const broken = someDerivation('broken');
  const middle = someDerivation('middle', { broken });
  const last = someDerivation('last', { middle });
  const executor = new FakeExecutor({ wait: () => Promise.reject(new Error('it broke')) });
  const unknown = somePath('0', 'unknown');
  const { run, events, read } = await startFakeBuild(store, executor, {
    wanted: [last],
    more: [{ kind: 'path', path: unknown }],
  });
  assert.deepEqual(statusesOf(await run.result), ['DependencyFailed', 'MiscFailure']);
  await read;
  const failures = events.flatMap((event) => (event.type === 'build.failed' ? [event.drvPath] : []));
  assert.deepEqual(failures, [broken.drvPath, last.drvPath, unknown]);
  const finished = events.at(-1)!;
  assert.equal(finished.type === 'finished' && finished.failed, 3);
});

const unbuildable = () => {
  const dependency = someDerivation('dependency');
  const other = someDerivation('other');
  const foreign = someDerivation('foreign', { dependency, system: 'riscv64-linux' });
  const strange = someDerivation('strange', {
    dependency,
    requiredSystemFeatures: ['recursive-nix'],
    builder: 'builtin:nothing',
  });
  const featured = someDerivation('featured', { requiredSystemFeatures: ['quantum'] });
  const wanted = [someDerivation('top', { foreign, other }), strange, featured, other];
  return { wanted, refused: [foreign, strange, featured] };
};

test('what cannot be built here is refused, all of it, before anything is built', async () => {
  await using store = await newStore();
  const executor = new FakeExecutor();
  const { wanted, refused } = unbuildable();
  const { run, events, read } = await startFakeBuild(store, executor, { wanted });
  const { results, exitStatus } = await run.result;
  await read;
  assert.deepEqual(executor.started, []);
  assert.equal(exitStatus, 1);
  assert.deepEqual(
    results.map(({ error }) => error?.code),
    ['ERR_DEPENDENCY_FAILED', 'ERR_UNSUPPORTED', 'ERR_PLATFORM', 'ERR_ABORTED'],
  );
  const messages = events.flatMap((event) => (event.type === 'build.failed' ? [event.message] : []));
  assert.equal(messages.length, 4);
  for (const { drvPath } of refused) assert.ok(messages.some((message) => message.includes(drvPath)));
  const [strange] = messages.filter((message) => message.includes('-strange.drv'));
  assert.match(strange!, /the builder 'builtin:nothing'; and for the system feature 'recursive-nix'$/);
});

test('with keep-going the rest is built, but nothing that only refused derivations need', async () => {
  await using store = await newStore();
  const executor = new FakeExecutor();
  const { wanted } = unbuildable();
  const { run, read } = await startFakeBuild(store, executor, { wanted, options: { keepGoing: true } });
  assert.deepEqual(statusesOf(await run.result), [
    'DependencyFailed',
    'InputRejected',
    'InputRejected',
    'Built',
  ]);
  await read;
  assert.deepEqual(executor.started, ['other']);
});

test('what cannot be built here is fine if it is valid already', async () => {
  await using store = await newStore();
  const executor = new FakeExecutor();
  const foreign = someDerivation('foreign', { system: 'riscv64-linux' });
  const top = someDerivation('top', { foreign });
  await instantiate(evaluatedObjects(foreign), store);
  await makeElsewhere(store, foreign);
  const { run, read } = await startFakeBuild(store, executor, { wanted: [top] });
  assert.deepEqual(statusesOf(await run.result), ['Built']);
  await read;
});

test('no jobs: nothing is started, unless there is nothing to build', async () => {
  await using store = await newStore();
  const executor = new FakeExecutor();
  const one = someDerivation('one');
  const { run, read } = await startFakeBuild(store, executor, { wanted: [one], options: { maxJobs: 0 } });
  await assert.rejects(run.result, (error) => {
    assert.ok(isAirplantError(error, 'ERR_NO_JOBS'));
    assert.equal(error.exitStatus, 1);
    assert.match(error.message, /^unable to start any build; either increase '--max-jobs' or enable/);
    return true;
  });
  await read;
  await makeElsewhere(store, one);
  const again = await startFakeBuild(store, executor, { wanted: [one], options: { maxJobs: 0 } });
  assert.deepEqual(statusesOf(await again.run.result), ['AlreadyValid']);
  await again.read;
  assert.deepEqual(executor.started, []);
});
