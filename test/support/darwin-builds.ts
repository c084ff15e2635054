import { join } from 'node:path';
import type { BuildEvent } from '../../ts/base/events.js';
import { startBuild } from '../../ts/build/builder.js';
import { LocalExecutor } from '../../ts/build/local-executor.js';
import { type BuildOptions, makeBuildOptions } from '../../ts/build/options.js';
import type { BuildResult } from '../../ts/build/records.js';
import { planDerivation } from '../../ts/build/show-sandbox.js';
import { loadSettings, type SettingsInput, settingsLayer } from '../../ts/config/load.js';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { launchSandbox } from '../../ts/sandbox/launch.js';
import { findSandboxSystem } from '../../ts/sandbox/sandbox-system.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { instantiate } from '../../ts/store/instantiate.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { openLocalStore } from '../../ts/store/open-store.js';

/**
 * Builds as on macOS, up to the launcher: a store in place, the settings, planner and executor of macOS. What the launcher
 * would be sent is kept; its command is then run without the profile, which only macOS can apply.
 */
export class DarwinBuilds implements AsyncDisposable {
  readonly store: LocalStore;
  readonly derivation: ReturnType<typeof createEvaluator>['derivation'];
  readonly toFile: ReturnType<typeof createEvaluator>['toFile'];
  /** What was sent to the launcher, the latest last. */
  readonly sent: SandboxSpec[] = [];

  private constructor(store: LocalStore) {
    this.store = store;
    const { derivation, toFile } = createEvaluator({ storeDir: store.directories.storeDir });
    this.derivation = derivation;
    this.toFile = toFile;
  }

  static async open(directory: string): Promise<DarwinBuilds> {
    const env = { NIX_STORE_DIR: join(directory, 'store') };
    const directories = resolveStoreDirectories({ env });
    return new DarwinBuilds(await openLocalStore({ directories, env: {} }));
  }

  /** A shell script, as a derivation for macOS. */
  script(name: string, text: string, more: Readonly<Record<string, unknown>> = {}): DerivationValue {
    return this.derivation({
      name,
      system: 'aarch64-darwin',
      builder: '/bin/sh',
      args: ['-euc', text],
      ...more,
    } as Parameters<typeof this.derivation>[0]);
  }

  /** The sandbox of a derivation as `airplant show-sandbox` finds it. */
  async plan(value: DerivationValue, settings: SettingsInput = {}): Promise<SandboxSpec> {
    await instantiate(evaluatedObjects(value), this.store);
    const { options, executor } = await this.#engine(settings);
    return await planDerivation(value.drvPath, { store: this.store, options, executor });
  }

  async build(
    value: DerivationValue,
    settings: SettingsInput = {},
  ): Promise<{ readonly result: BuildResult; readonly log: string; readonly warnings: readonly string[] }> {
    await instantiate(evaluatedObjects(value), this.store);
    const run = startBuild({
      wanted: async () => [{ kind: 'outputs', drvPath: value.drvPath, outputs: 'all' }],
      store: this.store,
      repair: false,
      substitutes: async () => undefined,
      engine: () => this.#engine(settings),
      signal: new AbortController().signal,
    });
    const events: BuildEvent[] = [];
    for await (const event of run) events.push(event);
    const log = events.map((event) =>
      event.type === 'build.log' ? Buffer.from(event.chunk).toString() : '',
    );
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    return { result: (await run.result).results[0]!, log: log.join(''), warnings };
  }

  async #engine(input: SettingsInput): Promise<{ options: BuildOptions; executor: LocalExecutor }> {
    const given = { system: 'aarch64-darwin', 'sandbox-paths': ['/bin/sh'], ...input };
    const { settings } = loadSettings({ env: {}, layers: [settingsLayer({ kind: 'program' }, given)] });
    const system = await findSandboxSystem('darwin');
    const options = await makeBuildOptions(settings, this.store, process.env, undefined, system);
    const launch: typeof launchSandbox = (spec, how) => {
      this.sent.push(spec);
      return launchSandbox({ ...spec, backend: { kind: 'none' } }, how);
    };
    return { options, executor: new LocalExecutor(options, this.store.directories, { launch }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
  }
}
