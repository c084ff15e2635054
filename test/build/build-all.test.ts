import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Deferred } from '../../ts/base/deferred.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { FakeExecutor, someDerivation, startFakeBuild, until } from '../support/fake-builds.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('build-all');

/** The last of `count` derivations in a row, each needing the one before. */
function chain(count: number): DerivationValue {
  const before = count > 1 ? { before: chain(count - 1) } : {};
  return someDerivation(`link-${count - 1}`, before);
}

/** What its builds leave is tidied up only when the test says so. */
function untidyExecutor() {
  const left: Deferred<void>[] = [];
  const tidyUp = () => {
    const tidied = new Deferred<void>();
    left.push(tidied);
    return tidied.promise;
  };
  return { executor: new FakeExecutor({ tidyUp }), left };
}

test('the next build starts while the last one is tidied up, and the run ends when all are', async () => {
  await using store = await openTestStore(join(directory, 'next'));
  const { executor, left } = untidyExecutor();
  const { run, events, read } = await startFakeBuild(store, executor, { wanted: [chain(2)] });
  let over = false;
  run.result.finally(() => {
    over = true;
  });
  await until(() => left.length === 2);
  left[1]!.resolve();
  await until(() => events.filter(({ type }) => type === 'build.succeeded').length === 2);
  assert.equal(over, false);
  left[0]!.resolve();
  assert.deepEqual(
    (await run.result).results.map(({ status }) => status),
    ['Built'],
  );
  await read;
});

test('no more builds wait to be tidied up than may run', async () => {
  await using store = await openTestStore(join(directory, 'bounded'));
  const { executor, left } = untidyExecutor();
  const { run, events } = await startFakeBuild(store, executor, { wanted: [chain(4)] });
  await until(() => events.filter(({ type }) => type === 'build.succeeded').length === 2);
  for (let i = 0; i < 100; i++) await turn();
  assert.deepEqual(executor.started, ['link-0', 'link-1']);
  for (let i = 0; i < 4; i++) {
    await until(() => left.length > i);
    left[i]!.resolve();
  }
  assert.equal((await run.result).exitStatus, 0);
});

test('the next builder starts while outputs are registered, unless somebody waits for them alone', async () => {
  await using store = await openTestStore(join(directory, 'registering'));
  const opened = new Deferred<void>();
  const register = store.registerOutputs.bind(store);
  store.registerOutputs = async (outputs, options) => {
    await opened.promise;
    return await register(outputs, options);
  };
  const executor = new FakeExecutor();
  const wanted = [chain(2), ...['a', 'b', 'c', 'd', 'e'].map((name) => someDerivation(name))];
  const options = { maxJobs: 2 };
  const { run, events, read } = await startFakeBuild(store, executor, { wanted, options });
  // `link-0` keeps its slot for `link-1`. Two of the others may be unfinished, and a third has built in their slot.
  await until(() => events.filter(({ type }) => type === 'build.settling').length === 3);
  await until(() => executor.started.length === 4);
  for (let i = 0; i < 100; i++) await turn();
  assert.deepEqual(executor.started, ['link-0', 'a', 'b', 'c']);
  assert.equal(events.filter(({ type }) => type === 'build.settling').length, 3);
  opened.resolve();
  assert.equal((await run.result).exitStatus, 0);
  await read;
});

test('a single job is done with before the next one starts', async () => {
  await using store = await openTestStore(join(directory, 'single'));
  const { run, events, read } = await startFakeBuild(store, new FakeExecutor(), {
    wanted: ['a', 'b', 'c'].map((name) => someDerivation(name)),
  });
  assert.equal((await run.result).exitStatus, 0);
  await read;
  const steps = events.map(({ type }) => type).filter((type) => /started|succeeded/.test(type));
  const one = ['build.started', 'build.succeeded'];
  assert.deepEqual(steps, [...one, ...one, ...one]);
});

test('builds that require the same feature take turns, and others go ahead of those that wait', async () => {
  await using store = await openTestStore(join(directory, 'features'));
  const ends = new Map<string, Deferred<void>>();
  const executor = new FakeExecutor({
    wait: (name) => {
      const end = new Deferred<void>();
      ends.set(name, end);
      return end.promise;
    },
  });
  const machine = (name: string) => someDerivation(name, { requiredSystemFeatures: ['kvm'] });
  const wanted = [machine('vm-1'), machine('vm-2'), someDerivation('light')];
  const options = { maxJobs: 2, systemFeatures: ['kvm'], featureLimits: new Map([['kvm', 1]]) };
  const { run, read } = await startFakeBuild(store, executor, { wanted, options });
  await until(() => ends.size === 2);
  for (let i = 0; i < 100; i++) await turn();
  assert.deepEqual(executor.started, ['vm-1', 'light']);
  ends.get('vm-1')!.resolve();
  await until(() => ends.size === 3);
  for (const { resolve } of ends.values()) resolve();
  assert.equal((await run.result).exitStatus, 0);
  await read;
});

test('of what is ready the build that the longest chain waits for starts first', async () => {
  await using store = await openTestStore(join(directory, 'chains'));
  const executor = new FakeExecutor();
  const wanted = [someDerivation('alone'), chain(3)];
  const { run, read } = await startFakeBuild(store, executor, { wanted });
  assert.equal((await run.result).exitStatus, 0);
  await read;
  assert.deepEqual(executor.started, ['link-0', 'link-1', 'alone', 'link-2']);
});

test('outputs that are valid stay so when tidying up fails: that is a warning', async () => {
  await using store = await openTestStore(join(directory, 'failed'));
  const { executor, left } = untidyExecutor();
  const { run, events, read } = await startFakeBuild(store, executor, { wanted: [chain(1)] });
  await until(() => left.length === 1);
  left[0]!.reject(new Error('the disk is gone'));
  const { results, exitStatus } = await run.result;
  await read;
  assert.equal(exitStatus, 0);
  assert.equal(results[0]!.status, 'Built');
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /link-0\.drv.*the disk is gone/);
});
