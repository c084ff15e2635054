import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { BuildEvent } from '../../ts/base/events.js';
import { type BuildRun, startBuild } from '../../ts/build/builder.js';
import type { Executor, ExecutorJob, FinishedAttempt } from '../../ts/build/executor.js';
import type { BuildOptions } from '../../ts/build/options.js';
import type { Wanted } from '../../ts/build/records.js';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { native } from '../../ts/native.js';
import { instantiate } from '../../ts/store/instantiate.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import type { Substitutes } from '../../ts/substitute/substitutes.js';
import { openTestStore } from './stores.js';

const { derivation, toFile } = createEvaluator({ storeDir: '/nix/store' });

/** A source of such derivations. */
export const someText = toFile;

/** A derivation that is never really run. */
export function someDerivation(name: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
  return derivation({ name, system: 'x86_64-linux', builder: '/bin/sh', ...more } as Parameters<
    typeof derivation
  >[0]);
}

/**
 * Makes outputs without any sandbox: each is a file that holds the attribute `contents` of its derivation (otherwise
 * its name), and, but for `out`, the name of the output.
 */
export class FakeExecutor implements Executor {
  readonly name = 'fake';
  readonly started: string[] = [];
  readonly #wait: (name: string) => Promise<void>;
  readonly #tidyUp: () => Promise<void>;
  readonly #contentsOf: ((name: string) => string) | undefined;

  /**
   * `wait` is how long a builder runs, and whether it fails; `tidyUp` removes what it left; `contentsOf` is what it
   * makes against all promises.
   */
  constructor(
    steps: {
      wait?: (name: string) => Promise<void>;
      tidyUp?: () => Promise<void>;
      contentsOf?: (name: string) => string;
    } = {},
  ) {
    this.#wait = steps.wait ?? (async () => {});
    this.#contentsOf = steps.contentsOf;
    this.#tidyUp = steps.tidyUp ?? (async () => {});
  }

  async run({ request, scratch }: ExecutorJob): Promise<FinishedAttempt> {
    this.started.push(request.name);
    await this.#wait(request.name);
    // What an interrupted attempt left.
    await native.removeTree(scratch);
    mkdirSync(scratch);
    const contents = this.#contentsOf?.(request.name) ?? new Map(request.env).get('contents') ?? request.name;
    const outputs = new Map<string, string>();
    for (const { name } of request.outputs) {
      outputs.set(name, join(scratch, name));
      writeFileSync(join(scratch, name), name === 'out' ? contents : `${contents} ${name}`);
    }
    const tidied = this.#tidyUp();
    // It may fail before anybody waits for it.
    tidied.catch(() => {});
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
          filteredSystemCalls: false,
          shortfalls: [],
        },
        diskNearlyFull: false,
        lastLines: [],
        outputs,
      },
      request,
      privateDirectory: join(scratch, 'private'),
      [Symbol.asyncDispose]: async () => {
        await tidied;
        await native.removeTree(scratch);
      },
    };
  }
}

/** One job, and nothing else out of the ordinary. */
export const plainOptions: BuildOptions = {
  system: 'x86_64-linux',
  extraPlatforms: [],
  systemFeatures: [],
  maxJobs: 1,
  featureLimits: new Map(),
  cores: 1,
  keepGoing: false,
  keepFailed: false,
  fallback: false,
  sandbox: true,
  sandboxSystem: { kind: 'linux' },
  storeInPlace: false,
  hostPaths: [],
  visibleHost: undefined as never,
  allowedImpureHostDeps: [],
  preBuildHook: undefined,
  postBuildHook: undefined,
  diffHook: undefined,
  buildsIn: undefined,
  sandboxBuildDirectory: '/build',
  devShmSize: '50%',
  filterSystemCalls: true,
  nestedNamespaces: true,
  timeout: 0,
  maxSilentTime: 0,
  resources: { limits: {}, required: false, always: false, parent: '' },
  terminationGrace: 0,
  maxBuildLogSize: 0,
  keepBuildLog: false,
  compressBuildLog: false,
  logLines: 10,
  ids: {
    supply: { hostRoot: false, uids: [], gids: [] },
    caller: { uid: 1, gid: 1, groups: [] },
    startId: 0x34000000,
    idCount: 65536,
    lockDirectories: [],
  },
  fixedOutputNetwork: 'auto',
  network: { pasta: '', slirp4netns: '', timeoutSeconds: 10, searchPath: '' },
  impureEnvironment: {},
};

/** Starts to build the derivations, all of them wanted, and notes the events. */
export async function startFakeBuild(
  store: LocalStore,
  executor: Executor,
  {
    wanted,
    more = [],
    options = {},
    substitutes,
    repair = false,
    signal = new AbortController().signal,
  }: {
    readonly wanted: readonly DerivationValue[];
    readonly more?: readonly Wanted[];
    readonly options?: Partial<BuildOptions>;
    readonly substitutes?: Substitutes;
    readonly repair?: boolean;
    readonly signal?: AbortSignal;
  },
): Promise<{ run: BuildRun; events: BuildEvent[]; read: Promise<void> }> {
  for (const one of wanted) await instantiate(evaluatedObjects(one), store);
  const outputs = wanted.map(({ drvPath }): Wanted => ({ kind: 'outputs', drvPath, outputs: 'all' }));
  const run = startBuild({
    wanted: async () => [...outputs, ...more],
    store,
    repair,
    substitutes: async () => substitutes,
    engine: async () => ({ options: { ...plainOptions, ...options }, executor }),
    signal,
  });
  const events: BuildEvent[] = [];
  const read = (async () => {
    for await (const event of run) events.push(event);
  })();
  return { run, events, read };
}

/** Builds derivations in a store that is given by its root, and closes it: nothing keeps them then. */
export async function fillStore(root: string, wanted: readonly DerivationValue[]): Promise<void> {
  await using store = await openTestStore(root);
  const { run } = await startFakeBuild(store, new FakeExecutor(), { wanted });
  assert.equal((await run.result).exitStatus, 0);
}

/** Fails after 20 seconds, for which nothing here has a reason. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never came true: ${condition}`);
    await turn();
  }
}
