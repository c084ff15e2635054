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

/** An open store that can build. Close it, or declare it with `await using`. */
export class Store implements AsyncDisposable {
  /** The store on disk: what is valid, what refers to what, where it lies. */
  readonly local: LocalStore;
  readonly settings: Settings;
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** For `openStore` alone. */
  constructor(local: LocalStore, settings: Settings, env: Readonly<Record<string, string | undefined>>) {
    this.local = local;
    this.settings = settings;
    this.#env = env;
  }

  /** Writes the `.drv` of a derivation, and all it needs, into the store. Returns its path. */
  async instantiate(value: AnyDerivation): Promise<string> {
    const [{ evaluatedObjects }, { instantiate }] = await Promise.all([
      import('./derivation/author/evaluator.js'),
      import('./store/instantiate.js'),
    ]);
    await instantiate(evaluatedObjects(value), this.local);
    return value.drvPath;
  }

  /** What `build` would do, as data. */
  async plan(wanted: readonly Buildable[]): Promise<Plan> {
    return planBuild(await this.#wanted(wanted), this.local);
  }

  /**
   * Makes everything wanted valid. A build that fails is not thrown: it is in the results. Iterate over the run for
   * its events, at once or not at all; `signal` stops everything that runs.
   */
  build(wanted: readonly Buildable[], options: { readonly signal?: AbortSignal } = {}): BuildRun {
    return startBuild({
      wanted: () => this.#wanted(wanted),
      store: this.local,
      engine: () => this.#engine(),
      signal: options.signal ?? new AbortController().signal,
    });
  }

  /** The sandbox a derivation would be built in. Its inputs need not be there yet. */
  async showSandbox(drvPath: string): Promise<SandboxSpec> {
    const [{ makeRequest }, { foreseenInputs }, { options, executor }] = await Promise.all([
      import('./build/request.js'),
      import('./build/inputs.js'),
      this.#engine(),
    ]);
    const derivation = this.local.readDerivation(drvPath);
    const inputs = foreseenInputs(derivation, this.local);
    const request = makeRequest({ drvPath, derivation, inputs }, this.local.directories.storeDir, options);
    return executor.plan(request, executor.place(`${this.local.realPath(drvPath)}.chroot`));
  }

  async close(): Promise<void> {
    this.local.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #wanted(buildables: readonly Buildable[]): Promise<Wanted[]> {
    const wanted: Wanted[] = [];
    for (const one of buildables) {
      if (typeof one === 'string') wanted.push(parseWanted(this.local.directories.storeDir, one));
      else if (isWanted(one)) wanted.push(one);
      else wanted.push({ kind: 'outputs', drvPath: await this.instantiate(one), outputs: 'all' });
    }
    return wanted;
  }

  /** Loaded only when something has to be built. */
  async #engine(): Promise<{ options: BuildOptions; executor: LocalExecutor }> {
    const [{ makeBuildOptions }, { LocalExecutor }] = await Promise.all([
      import('./build/options.js'),
      import('./build/local-executor.js'),
    ]);
    const options = makeBuildOptions(this.settings, this.local, this.#env);
    return { options, executor: new LocalExecutor(options, this.local.directories) };
  }
}

/** A derivation may have an output called `kind`, but no record of ours has an outPath. */
function isWanted(one: AnyDerivation | Wanted): one is Wanted {
  return !('outPath' in one);
}
