import type { Settings } from '../config/settings.js';
import type { StoreEnvironment } from '../store/directories.js';
import type { LocalStore } from '../store/local-store.js';
import type { Substitutes } from './substitutes.js';

/** The substituters that the settings name, for one run: opened when first asked for, what they say is remembered. */
export class ConfiguredSubstitutes implements AsyncDisposable {
  readonly #options: ConfiguredSubstitutesOptions;
  #opened: Promise<Substitutes> | undefined;

  constructor(options: ConfiguredSubstitutesOptions) {
    this.#options = options;
  }

  /** Undefined if nobody is to be asked. Throws ERR_SIGNATURE for a key that is none. */
  async open(onWarning: (message: string) => void): Promise<Substitutes | undefined> {
    const { substitute, substituters } = this.#options.settings;
    if (!substitute || substituters.length === 0) return undefined;
    this.#opened ??= this.#open(onWarning);
    return await this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.close();
  }

  async #open(onWarning: (message: string) => void): Promise<Substitutes> {
    const { settings, store, env } = this.#options;
    const [{ parsePublicKeys }, { openSubstituters }, { Substitutes }] = await Promise.all([
      import('../formats/signature.js'),
      import('./open-substituters.js'),
      import('./substitutes.js'),
    ]);
    const trust = {
      requireSignatures: settings['require-sigs'],
      publicKeys: parsePublicKeys(settings['trusted-public-keys']),
    };
    const substituters = await openSubstituters(settings.substituters, { store, env, onWarning });
    const { storeDir } = store.directories;
    return new Substitutes(substituters, { storeDir, trust, fallback: settings.fallback, onWarning });
  }
}

export interface ConfiguredSubstitutesOptions {
  readonly settings: Settings;
  /** Which is to be filled. */
  readonly store: LocalStore;
  readonly env: StoreEnvironment;
}
