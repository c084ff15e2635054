import { AirplantError } from './base/errors.js';
import { quote } from './base/quote.js';
import { type BuildRun, startBuild } from './build/builder.js';
import type { LocalExecutor } from './build/local-executor.js';
import type { BuildOptions } from './build/options.js';
import { planBuild } from './build/plan.js';
import type { Plan, Wanted } from './build/records.js';
import { parseWanted } from './build/wanted.js';
import { loadSettings, type SettingsInput, settingsLayer } from './config/load.js';
import type { Settings } from './config/settings.js';
import type { AnyDerivation } from './derivation/author/values.js';
import type { SandboxSpec } from './sandbox/spec.js';
import { resolveStoreDirectories } from './store/directories.js';
import type { LocalStore } from './store/local-store.js';
import { openLocalStore } from './store/open-store.js';

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
    env,
    onWarning,
    settings: {
      fsyncMetadata: settings['fsync-metadata'],
      useCaseHack: settings['use-case-hack'],
      // Not to be had on every file system, whatever the setting says.
      ...(settings['use-sqlite-wal'] ? {} : { useSqliteWal: false }),
    },
  });
  return new Store(local, settings, env);
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
  readonly #running = new Map<Promise<unknown>, AbortController>();
  #closed: Promise<void> | undefined;

  /** For `openStore` alone. */
  constructor(local: LocalStore, settings: Settings, env: Readonly<Record<string, string | undefined>>) {
    this.local = local;
    this.settings = settings;
    this.#env = env;
  }

  /** Writes the `.drv` of a derivation, and all it needs, into the store. Returns its path. */
  async instantiate(value: AnyDerivation, options: CancelOptions = {}): Promise<string> {
    return await this.#run((signal) => this.#instantiate(value, signal), options.signal);
  }

  async #instantiate(value: AnyDerivation, signal: AbortSignal): Promise<string> {
    const [{ evaluatedObjects }, { instantiate }] = await Promise.all([
      import('./derivation/author/evaluator.js'),
      import('./store/instantiate.js'),
    ]);
    await instantiate(evaluatedObjects(value), this.local, { signal });
    return value.drvPath;
  }

  /** What `build` would do, as data. */
  async plan(wanted: readonly Buildable[]): Promise<Plan> {
    return await this.#run(async (signal) => planBuild(await this.#wanted(wanted, signal), this.local));
  }

  /**
   * Makes everything wanted valid. A build that fails is not thrown: it is in the results. Iterate over the run for
   * its events, at once or not at all; `signal` stops everything that runs.
   */
  build(wanted: readonly Buildable[], options: CancelOptions = {}): BuildRun {
    let run: BuildRun | undefined;
    const result = this.#run((signal) => {
      run = startBuild({
        wanted: () => this.#wanted(wanted, signal),
        store: this.local,
        engine: () => this.#engine(),
        signal,
      });
      return run.result;
    }, options.signal);
    // Whoever only reads events need not look at the result as well.
    result.catch(() => {});
    return run ?? { result, [Symbol.asyncIterator]: nothing };
  }

  /**
   * The sandbox a derivation would be built in. Its inputs need not be there yet. A pre-build hook is run, with an empty
   * directory that is removed afterwards.
   */
  async showSandbox(drvPath: string): Promise<SandboxSpec> {
    return await this.#run(() => this.#showSandbox(drvPath));
  }

  async #showSandbox(drvPath: string): Promise<SandboxSpec> {
    const [{ planDerivation }, { options, executor }] = await Promise.all([
      import('./build/show-sandbox.js'),
      this.#engine(),
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
    const wanted: Wanted[] = [];
    for (const one of buildables) {
      if (typeof one === 'string') wanted.push(parseWanted(this.local.directories.storeDir, one));
      else if (isWanted(one)) wanted.push(one);
      else wanted.push({ kind: 'outputs', drvPath: await this.#instantiate(one, signal), outputs: 'all' });
    }
    return wanted;
  }

  /** Loaded only when something has to be built. */
  async #engine(): Promise<{ options: BuildOptions; executor: LocalExecutor }> {
    const [{ makeBuildOptions }, { LocalExecutor }] = await Promise.all([
      import('./build/options.js'),
      import('./build/local-executor.js'),
    ]);
    const options = await makeBuildOptions(this.settings, this.local, this.#env);
    return { options, executor: new LocalExecutor(options, this.local.directories) };
  }
}

/** The events of a build that was never begun. */
async function* nothing(): AsyncGenerator<never, void, undefined> {}

/** A derivation may have an output called `kind`, but no record of ours has an outPath. */
function isWanted(one: AnyDerivation | Wanted): one is Wanted {
  return !('outPath' in one);
}
