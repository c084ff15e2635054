import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Deferred } from '../../ts/base/deferred.js';
import type { BuildEvent } from '../../ts/base/events.js';
import { type BuildRun, startBuild } from '../../ts/build/builder.js';
import type { Executor, ExecutorJob, FinishedAttempt } from '../../ts/build/executor.js';
import type { BuildOptions } from '../../ts/build/options.js';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { instantiate } from '../../ts/store/instantiate.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('build-all');
const { derivation } = createEvaluator({ storeDir: '/nix/store' });

/** `count` derivations in a row, each needing the one before. */
function chain(count: number): DerivationValue[] {
  const made: DerivationValue[] = [];
  for (let i = 0; i < count; i++) {
    const before = made.at(-1);
    made.push(
      derivation({
        name: `link-${i}`,
        system: 'x86_64-linux',
        builder: '/bin/sh',
        ...(before ? { before } : {}),
      }),
    );
  }
  return made;
}

/** Makes the outputs without any sandbox; what it leaves is tidied up only when the test says so. */
class UntidyExecutor implements Executor {
  readonly name = 'untidy';
  readonly started: string[] = [];
  readonly left: Deferred<void>[] = [];

  async run({ request, scratch }: ExecutorJob): Promise<FinishedAttempt> {
    this.started.push(request.name);
    mkdirSync(scratch);
    const source = join(scratch, 'out');
    writeFileSync(source, request.name);
    const tidied = new Deferred<void>();
    // It may fail before anybody waits for it.
    tidied.promise.catch(() => {});
    this.left.push(tidied);
    return {
      attempt: {
        outcome: { kind: 'exited', status: 0 },
        startedAt: 1,
        stoppedAt: 2,
        usage: { userSeconds: 0, systemSeconds: 0, maxResidentBytes: 0 },
        isolation: {
          backend: 'none',
          namespaces: [],
          network: 'host',
          readOnlyInputs: false,
          noNewPrivileges: false,
          shortfalls: [],
        },
        lastLines: [],
        outputs: new Map([['out', source]]),
      },
      privateDirectory: scratch,
      [Symbol.asyncDispose]: () => tidied.promise,
    };
  }
}

const options: BuildOptions = {
  system: 'x86_64-linux',
  extraPlatforms: [],
  systemFeatures: [],
  maxJobs: 1,
  cores: 1,
  keepGoing: false,
  hostPaths: [],
  sandboxBuildDirectory: '/build',
  devShmSize: '50%',
  timeout: 0,
  maxSilentTime: 0,
  resources: { limits: {}, required: false, always: false },
  terminationGrace: 0,
  maxBuildLogSize: 0,
  keepBuildLog: false,
  compressBuildLog: false,
  logLines: 10,
  supplementaryGroups: 0,
  impureEnvironment: {},
};

async function start(
  store: LocalStore,
  executor: Executor,
  last: DerivationValue,
): Promise<{ run: BuildRun; events: BuildEvent[]; read: Promise<void> }> {
  await instantiate(evaluatedObjects(last), store);
  const run = startBuild({
    wanted: async () => [{ kind: 'outputs', drvPath: last.drvPath, outputs: 'all' }],
    store,
    engine: async () => ({ options, executor }),
    signal: new AbortController().signal,
  });
  const events: BuildEvent[] = [];
  const read = (async () => {
    for await (const event of run) events.push(event);
  })();
  return { run, events, read };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

test('the next build starts while the last one is tidied up, and the run ends when all are', async () => {
  await using store = await openTestStore(join(directory, 'next'));
  const executor = new UntidyExecutor();
  const { run, events, read } = await start(store, executor, chain(2)[1]!);
  let over = false;
  run.result.finally(() => {
    over = true;
  });
  await until(() => executor.started.length === 2);
  executor.left[1]!.resolve();
  await until(() => events.filter(({ type }) => type === 'build.succeeded').length === 2);
  assert.equal(over, false);
  executor.left[0]!.resolve();
  assert.deepEqual(
    (await run.result).results.map(({ status }) => status),
    ['Built'],
  );
  await read;
});

test('no more builds wait to be tidied up than may run', async () => {
  await using store = await openTestStore(join(directory, 'bounded'));
  const executor = new UntidyExecutor();
  const { run, events } = await start(store, executor, chain(4)[3]!);
  await until(() => events.filter(({ type }) => type === 'build.succeeded').length === 2);
  for (let i = 0; i < 100; i++) await turn();
  assert.deepEqual(executor.started, ['link-0', 'link-1']);
  for (let i = 0; i < 4; i++) {
    await until(() => executor.left.length > i);
    executor.left[i]!.resolve();
  }
  assert.equal((await run.result).exitStatus, 0);
});

test('outputs that are valid stay so when tidying up fails: that is a warning', async () => {
  await using store = await openTestStore(join(directory, 'failed'));
  const executor = new UntidyExecutor();
  const { run, events, read } = await start(store, executor, chain(1)[0]!);
  await until(() => executor.left.length === 1);
  executor.left[0]!.reject(new Error('the disk is gone'));
  const { results, exitStatus } = await run.result;
  await read;
  assert.equal(exitStatus, 0);
  assert.equal(results[0]!.status, 'Built');
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /link-0\.drv.*the disk is gone/);
});
