import { realpathSync } from 'node:fs';
import { cacheDirectory } from '../config/cache-directory.js';
import { hostLoaderFiles } from '../sandbox/program-files.js';
import { findSpecialFile } from '../sandbox/special-files.js';
import type { VisibleHost } from '../sandbox/visible-paths.js';
import type { LocalStore } from '../store/local-store.js';

/** This machine and this store, as host paths are looked up in them. */
export function visibleHost(
  store: LocalStore,
  env: Readonly<Record<string, string | undefined>>,
): VisibleHost {
  const { storeDir, realStoreDir, stateDir, logDir } = store.directories;
  const memory = cacheDirectory('directories', env);
  return {
    storeDir,
    realStoreDir,
    privateDirectories: [stateDir, logDir, realStoreDir].map(realPath),
    files: hostLoaderFiles,
    // They must stay as long as a build may use them.
    async closure(paths) {
      await store.addTempRoots(paths);
      return store.closure(paths);
    },
    findSpecialFile: (directory, signal) => findSpecialFile(directory, memory, signal),
  };
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
