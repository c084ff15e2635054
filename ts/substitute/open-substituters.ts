import { statSync } from 'node:fs';
import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { resolveStoreDirectories, type StoreEnvironment } from '../store/directories.js';
import type { LocalStore } from '../store/local-store.js';
import { openLocalStore } from '../store/open-store.js';
import { StoreSubstituter } from './store-substituter.js';
import type { Substituter } from './substituter.js';
import { parseSubstituterUri } from './substituter-uri.js';

/**
 * Opens what the setting `substituters` names, each once, for reading only, in the order in which to ask them. As in
 * Nix, one that cannot be opened is a warning and nobody asks it; so is one whose store directory is another. The store
 * itself is left out.
 */
export async function openSubstituters(
  uris: readonly string[],
  { store, env, onWarning }: OpenSubstitutersOptions,
): Promise<Substituter[]> {
  const opened: Substituter[] = [];
  for (const uri of new Set(uris)) {
    try {
      const substituter = await open(uri, store, env);
      if (substituter) opened.push(substituter);
    } catch (error) {
      if (!isAirplantError(error)) throw error;
      onWarning(`the substituter ${quote(uri)} is not used: ${error.message}`);
    }
  }
  return opened.sort((a, b) => a.priority - b.priority);
}

export interface OpenSubstitutersOptions {
  /** Which is to be filled. */
  readonly store: Pick<LocalStore, 'directories' | 'caseHack'>;
  readonly env: StoreEnvironment;
  readonly onWarning: (message: string) => void;
}

/** Undefined for the store itself. */
async function open(
  uri: string,
  { directories: ours, caseHack: useCaseHack }: OpenSubstitutersOptions['store'],
  env: StoreEnvironment,
): Promise<Substituter | undefined> {
  const parsed = parseSubstituterUri(uri);
  const directories = resolveStoreDirectories({ store: parsed.store, env });
  if (isSameDirectory(directories.stateDir, ours.stateDir)) return undefined;
  if (directories.storeDir !== ours.storeDir) {
    throw new AirplantError(
      'ERR_SETTING',
      `its paths begin with ${quote(directories.storeDir)}, those of this store with ${quote(ours.storeDir)}`,
    );
  }
  const store = await openLocalStore({ directories, readOnly: true, env, settings: { useCaseHack } });
  return new StoreSubstituter(store, parsed);
}

/** Whatever symlinks lead there. */
function isSameDirectory(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}
