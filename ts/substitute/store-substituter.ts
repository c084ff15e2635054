import { isAirplantError } from '../base/errors.js';
import type { LocalStore } from '../store/local-store.js';
import type { PathInfo } from '../store/path-info.js';
import type { FetchOptions, Substituter } from './substituter.js';
import type { SubstituterUri } from './substituter-uri.js';

/** Another store on this machine as a source of paths. It is only read, so a collector there may take one away. */
export class StoreSubstituter implements Substituter {
  readonly uri: string;
  readonly storeDir: string;
  readonly priority: number;
  readonly trusted: boolean;
  readonly #store: LocalStore;

  /** The store is closed with this. */
  constructor(store: LocalStore, { uri, priority, trusted }: SubstituterUri) {
    this.uri = uri;
    this.storeDir = store.directories.storeDir;
    this.priority = priority ?? 0;
    this.trusted = trusted;
    this.#store = store;
  }

  async query(path: string): Promise<PathInfo | undefined> {
    return this.#store.isValid(path) ? this.#store.pathInfo(path) : undefined;
  }

  async fetch(path: string, destination: string, { signal }: FetchOptions): Promise<boolean> {
    try {
      await this.#store.copyOut(path, destination, { signal });
      return true;
    } catch (error) {
      if (isAirplantError(error, 'ERR_PATH_INVALID')) return false;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
