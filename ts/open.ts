import { AirplantError } from './base/errors.js';
import { quote } from './base/quote.js';
import { type BuildJob, type BuildRun, startBuild } from './build/builder.js';
import type { CheckRun } from './build/check/check-run.js';
import type { CheckOptions } from './build/check/records.js';
import { type EventRun, startRun } from './build/event-run.js';
import type { Explanation } from './build/explain/explain-build.js';
import type { LocalExecutor } from './build/local-executor.js';
import type { BuildOptions } from './build/options.js';
import type { Plan, Wanted } from './build/records.js';
import type { VerifyOptions, VerifyReport } from './build/verify-and-repair.js';
import { parseWanted } from './build/wanted.js';
import { loadSettings, type SettingsInput, settingsLayer } from './config/load.js';
import type { Settings } from './config/settings.js';
import type { AnyDerivation } from './derivation/author/values.js';
import type { SandboxExit, SandboxSpec } from './sandbox/spec.js';
import { resolveStoreDirectories } from './store/directories.js';
import type { LocalStore } from './store/local-store.js';
import { openLocalStore } from './store/open-store.js';
import type { OptimisedStore } from './store/optimise/optimise-store.js';
import { ConfiguredSubstitutes } from './substitute/configured.js';

export interface OpenOptions {
  /** `auto`, a directory, or `local?root=…`; default: the setting `store`. */
  readonly store?: string;
  /** Settings that win over those of the configuration files. */
  readonly settings?: SettingsInput;
  /** Where NIX_* and XDG_* variables are looked up, and what `impureEnvVars` are taken from. Default: this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Things a user should know that are no reason to fail. */
  readonly onWarning?: (message: string) => void;
}

/** How to stop what was begun. */
export interface CancelOptions {
  readonly signal?: AbortSignal;
}

export interface RepairOptions {
  /**
   * Read what is wanted, a derivation's outputs with all they refer to, and make again what is damaged: substituted if
   * somebody has it, otherwise built. Default false: what is valid is taken for good.
   */
  readonly repair?: boolean;
}

export interface OptimiseOptions {
  /** Look at files that are links already as well, and at what the links hold. Default false. */
  readonly recheck?: boolean | undefined;
}

/** What to run in the sandbox of a failed build. */
export interface EnterFailed {
  /** A program, found in the builder's `PATH` if it is no path, and its arguments. Default: a shell. */
  readonly command?: readonly string[] | undefined;
  /** Descriptors for standard input, output and error. Default: this process's own. */
  readonly stdio?: readonly [number, number, number];
  readonly terminal?: boolean;
}

/** What can be asked for: a value of `derivation()`, a store path, `x.drv` or `x.drv!out,dev`, or the record of it. */
export type Buildable = AnyDerivation | string | Wanted;

/**
 * Opens the store of the caller (made first if need be) for building: settings from the configuration files,
 * then `options`.
 *
 * Throws ERR_SETTING, or what opening a store throws (ERR_STORE_OPEN and its kin).
 */
export async function openStore(options: OpenOptions = {}): Promise<Store> {
  const { env = process.env, onWarning } = options;
  const { settings } = loadSettings({
    env,
    layers: options.settings ? [settingsLayer({ kind: 'program' }, options.settings)] : [],
    ...(onWarning ? { onWarning } : {}),
  });
  return await openConfigured({ settings, store: options.store ?? settings.store, env, onWarning });
}

/** The same with all settings made up already: what the command line does. */
export async function openConfigured(options: {
  readonly settings: Settings;
  readonly store: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onWarning?: ((message: string) => void) | undefined;
}): Promise<Store> {
  const { settings, env, onWarning } = options;
  const local = await openLocalStore({
    directories: resolveStoreDirectories({ store: options.store, env }),
    readOnly: 'if-needed',
    env,
    onWarning,
    takeBack: async (directory) => {
      const { takeBackGarbage } = await import('./build/take-back-garbage.js');
      return await takeBackGarbage(directory, env['PATH'] ?? '');
    },
    settings: {
      fsyncMetadata: settings['fsync-metadata'],
      useCaseHack: settings['use-case-hack'],
      autoOptimise: settings['auto-optimise-store'],
      collecting: {
        keepOutputs: settings['keep-outputs'],
        keepDerivations: settings['keep-derivations'],
        minFree: settings['min-free'],
        maxFree: settings['max-free'],
        minFreeCheckInterval: settings['min-free-check-interval'],
      },
      // Not to be had on every file system, whatever the setting says.
      ...(settings['use-sqlite-wal'] ? {} : { useSqliteWal: false }),
    },
  });
  return new Store(local, settings, { env, onWarning });
}

/**
 * An open store that can build. Close it, or declare it with `await using`.
 *
 * After `close` every method throws ERR_STORE_CLOSED; of `build` it is the result that rejects.
 */
export class Store implements AsyncDisposable {
  /** The store on disk: what is valid, what refers to what, where it lies. */
  readonly local: LocalStore;
  readonly settings: Settings;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #onWarning: (message: string) => void;
  readonly #running = new Map<Promise<unknown>, AbortController>();
  #closed: Promise<void> | undefined;

  /** For `openStore` alone. */
  constructor(
    local: LocalStore,
    settings: Settings,
    {
      env,
      onWarning = () => {},
    }: {
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly onWarning?: ((message: string) => void) | undefined;
    },
  ) {
    this.local = local;
    this.settings = settings;
    this.#env = env;
    this.#onWarning = onWarning;
  }

  /** Writes the `.drv` of a derivation, and all it needs, into the store. Returns its path. */
  async instantiate(value: AnyDerivation, options: CancelOptions = {}): Promise<string> {
    const [drvPath] = await this.instantiateAll([value], options);
    return drvPath!;
  }

  /** The same for many. What they have in common is written, and looked at, once. Returns their paths in order. */
  async instantiateAll(values: readonly AnyDerivation[], options: CancelOptions = {}): Promise<string[]> {
    return await this.#run((signal) => this.#instantiate(values, signal), options.signal);
  }

  async #instantiate(values: readonly AnyDerivation[], signal: AbortSignal): Promise<string[]> {
    const [{ evaluatedObjects }, { instantiate }] = await Promise.all([
      import('./derivation/author/evaluator.js'),
      import('./store/instantiate.js'),
    ]);
    await instantiate(evaluatedObjects(...values), this.local, { signal });
    return values.map(({ drvPath }) => drvPath);
  }

  /** What `build` would do, as data. */
  async plan(wanted: readonly Buildable[], { repair = false }: RepairOptions = {}): Promise<Plan> {
    return await this.#run(async (signal) => {
      const { makePlan } = await import('./build/make-plan.js');
      await using substitutes = this.#substitutes();
      const context = { store: this.local, signal, substitutes: () => substitutes.open(this.#onWarning) };
      const all = await this.#wanted(wanted, signal);
      if (!repair) return (await makePlan(all, context)).plan;
      const { repairDamaged } = await import('./build/repair/approach.js');
      return (await repairDamaged(this.local, () => undefined).plan(all, context)).plan;
    });
  }

  /**
   * Makes everything wanted valid, and with `repair` whole. A build that fails is not thrown: it is in the results. Iterate over the run for
   * its events, at once or not at all; `signal` stops everything that runs.
   */
  build(wanted: readonly Buildable[], options: CancelOptions & RepairOptions = {}): BuildRun {
    const { signal, repair = false } = options;
    return this.#start(wanted, (job) => startBuild({ ...job, repair }), signal);
  }

  /**
   * Builds everything wanted again and compares all outputs with those in the store, which are left alone: what
   * differs is in the results, and kept beside them. Otherwise as `build`.
   *
   * The run throws ERR_PATH_INVALID for a path that nothing known makes.
   */
  check(wanted: readonly Buildable[], options: Partial<CheckOptions> & CancelOptions = {}): CheckRun {
    const { signal, rounds = 1, buildMissing = true, vary = [], diffoscope = false } = options;
    const checking = { rounds, buildMissing, vary, diffoscope };
    const start = (job: Omit<BuildJob, 'repair'>) =>
      startRun(async (emit) => {
        const { checkAll } = await import('./build/check/check-run.js');
        return await checkAll({ ...job, repair: false, checking }, emit);
      });
    return this.#start(wanted, start, signal);
  }

  /**
   * Looks for damage in the whole store, or in some of its paths, and repairs it if asked to, as `build` with `repair`
   * does. What is found, and whether it still is so, is in the report.
   *
   * The run throws ERR_PATH_INVALID for a path that is not valid.
   */
  verify(options: VerifyOptions & CancelOptions = {}): EventRun<VerifyReport> {
    const { signal, ...verifying } = options;
    const start = (job: Omit<BuildJob, 'repair'>) =>
      startRun(async (emit) => {
        const { verifyAndRepair } = await import('./build/verify-and-repair.js');
        return await verifyAndRepair(job, verifying, emit);
      });
    return this.#start([], start, signal);
  }

  /**
   * Replaces all equal files of valid paths by hard links to one. `recheck`: also looks at files that are links already,
   * and at what the links hold.
   */
  optimise({ signal, recheck }: OptimiseOptions & CancelOptions = {}): EventRun<OptimisedStore> {
    const start = (job: Omit<BuildJob, 'repair'>) =>
      startRun(async (emit) => {
        const { describeOptimised } = await import('./store/optimise/describe.js');
        const optimised = await this.local.optimise({
          recheck,
          signal: job.signal,
          onWarning: (message) => void emit({ type: 'warning', message }),
          onProgress: (progress) => void emit({ type: 'store.progress', activity: 'optimise', ...progress }),
        });
        emit({ type: 'store.message', level: 'info', message: describeOptimised(optimised) });
        return optimised;
      });
    return this.#start([], start, signal);
  }

  /**
   * Builds a derivation again while its builder is observed, and says what the sandbox did not have, most likely culprit
   * first. Nothing of it gets into the store but its inputs. Otherwise as `build`.
   *
   * The run throws ERR_DEPENDENCY_FAILED if an input cannot be made, and what keeps a sandbox from being made.
   */
  explain(drvPath: string, { signal }: CancelOptions = {}): EventRun<Explanation> {
    const start = (job: Omit<BuildJob, 'repair'>) =>
      startRun(async (emit) => {
        const { explainBuild } = await import('./build/explain/explain-build.js');
        return await explainBuild({ ...job, drvPath, searchPath: this.#env['PATH'] ?? '' }, emit);
      });
    return this.#start([], start, signal);
  }

  /**
   * Runs a command, or a shell, in the sandbox of a failed build whose directories were kept (setting `keep-failed`): the
   * very sandbox its builder had, with what that has left. `terminal`: standard input is a terminal made for this alone,
   * which becomes the controlling one.
   *
   * Throws ERR_NOTHING_KEPT, ERR_KEPT_DAMAGED, ERR_INPUT_MISSING if the store has lost an input of the build, ERR_PATH_IN_USE
   * while another shell is in it, ERR_FILE if the command cannot be run.
   */
  async enterFailed(drvPath: string, options: EnterFailed & CancelOptions = {}): Promise<SandboxExit> {
    const { command, stdio = [0, 1, 2], terminal = false } = options;
    return await this.#run(async (signal) => {
      const { enterFailed } = await import('./build/failed/enter-failed.js');
      const engine = await this.#engine(signal);
      const entering = { command, stdio, terminal, onWarning: this.#onWarning, signal };
      return await enterFailed(drvPath, { store: this.local, options: engine.options }, entering);
    }, options.signal);
  }

  /**
   * Removes what was kept of failed builds: of these derivations, or of all. Returns the derivations it was kept of.
   *
   * Throws ERR_NOTHING_KEPT for one that is named and was not kept, ERR_PATH_IN_USE while a shell is in it.
   */
  async removeFailed(drvPaths: readonly string[] = []): Promise<readonly string[]> {
    return await this.#run(async (signal) => {
      const { removeFailed } = await import('./build/failed/remove-failed.js');
      const { options } = await this.#engine(signal);
      return await removeFailed(drvPaths, { store: this.local, options, onWarning: this.#onWarning });
    });
  }

  /** Starts a run that `close` knows of; of a store that is closed, one that rejects. */
  #start<Report>(
    wanted: readonly Buildable[],
    start: (job: Omit<BuildJob, 'repair'>) => EventRun<Report>,
    signal: AbortSignal | undefined,
  ): EventRun<Report> {
    let run: EventRun<Report> | undefined;
    const result = this.#run((stop) => {
      const substitutes = this.#substitutes();
      run = start({
        wanted: () => this.#wanted(wanted, stop),
        store: this.local,
        substitutes: (onWarning) => substitutes.open(onWarning),
        engine: () => this.#engine(stop),
        signal: stop,
      });
      return run.result.finally(() => substitutes[Symbol.asyncDispose]());
    }, signal);
    // Whoever only reads events need not look at the result as well.
    result.catch(() => {});
    return run ?? { result, [Symbol.asyncIterator]: nothing };
  }

  /**
   * The sandbox a derivation would be built in. Its inputs need not be there yet. A pre-build hook is run, with an empty
   * directory that is removed afterwards.
   */
  async showSandbox(drvPath: string): Promise<SandboxSpec> {
    return await this.#run((signal) => this.#showSandbox(drvPath, signal));
  }

  async #showSandbox(drvPath: string, signal: AbortSignal): Promise<SandboxSpec> {
    const [{ planDerivation }, { options, executor }] = await Promise.all([
      import('./build/show-sandbox.js'),
      this.#engine(signal),
    ]);
    return await planDerivation(drvPath, { store: this.local, options, executor });
  }

  /**
   * Closes the store: nothing new is begun, builds that run are stopped as by their signal, and when nothing is left of
   * them (no process, no scratch directory) the database is closed. Outputs that had been made by then stay valid.
   * Whoever wants the results of a build awaits them before.
   *
   * Resolves when all that is done, also for those who call it again; what a build came to is no reason to reject.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close([...this.#running]);
    return this.#closed;
  }

  async #close(running: readonly (readonly [Promise<unknown>, AbortController])[]): Promise<void> {
    // Those who hear of the abort find the store closed.
    await undefined;
    const reason = new AirplantError('ERR_ABORTED', `the store ${this.#name} was closed`);
    for (const [, stop] of running) stop.abort(reason);
    await Promise.allSettled(running.map(([work]) => work));
    await this.local.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** All work passes through here, so that `close` knows of it. */
  async #run<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal | undefined): Promise<T> {
    if (this.#closed) throw new AirplantError('ERR_STORE_CLOSED', `the store ${this.#name} is closed`);
    const stop = new AbortController();
    const running = work(signal ? AbortSignal.any([signal, stop.signal]) : stop.signal);
    this.#running.set(running, stop);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  get #name(): string {
    return quote(this.local.directories.realStoreDir);
  }

  async #wanted(buildables: readonly Buildable[], signal: AbortSignal): Promise<Wanted[]> {
    const wanted = buildables.map((one): Wanted => {
      if (typeof one === 'string') return parseWanted(this.local.directories.storeDir, one);
      return isWanted(one) ? one : { kind: 'outputs', drvPath: one.drvPath, outputs: 'all' };
    });
    const values = buildables.filter((one) => typeof one !== 'string' && !isWanted(one));
    if (values.length > 0) await this.#instantiate(values as AnyDerivation[], signal);
    return wanted;
  }

  #substitutes(): ConfiguredSubstitutes {
    return new ConfiguredSubstitutes({ settings: this.settings, store: this.local, env: this.#env });
  }

  /** Loaded only when something has to be built. */
  async #engine(signal: AbortSignal): Promise<{ options: BuildOptions; executor: LocalExecutor }> {
    const [{ makeBuildOptions }, { LocalExecutor }] = await Promise.all([
      import('./build/options.js'),
      import('./build/local-executor.js'),
    ]);
    const options = await makeBuildOptions(this.settings, this.local, this.#env, signal);
    return { options, executor: new LocalExecutor(options, this.local.directories) };
  }
}

/** The events of a build that was never begun. */
async function* nothing(): AsyncGenerator<never, void, undefined> {}

/** A derivation may have an output called `kind`, but no record of ours has an outPath. */
function isWanted(one: AnyDerivation | Wanted): one is Wanted {
  return !('outPath' in one);
}
