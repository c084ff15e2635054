import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isAirplantError } from '../../base/errors.js';
import type { LocalStore } from '../../store/local-store.js';
import { takeBackMaps } from '../builder-ids.js';
import type { BuildOptions } from '../options.js';
import { keptOf, placeOf } from '../scratch.js';
import { readKept } from './find-kept.js';
import { removeKept } from './keep.js';
import type { KeptRecord } from './kept-record.js';

export interface RemoveFailedOptions {
  readonly store: LocalStore;
  readonly options: Pick<BuildOptions, 'buildsIn' | 'ids'>;
  readonly onWarning: (message: string) => void;
}

/**
 * Removes what was kept of the failed builds of these derivations, or of all if none is named. Returns the derivations.
 * Where a record is damaged, the build directory is looked for where the settings say; if it is not there, that is a warning.
 *
 * Throws ERR_NOTHING_KEPT for one that is named and was not kept, ERR_PATH_IN_USE while a shell is in it.
 */
export async function removeFailed(
  drvPaths: readonly string[],
  { store, options, onWarning }: RemoveFailedOptions,
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const drvPath of drvPaths.length > 0 ? drvPaths : allKept(store)) {
    const realPath = store.realPath(drvPath);
    const record = readIfGood(drvPath, realPath);
    const { buildsIn } = record ?? options;
    const at = placeOf(keptOf(realPath), { buildsIn });
    if (!record && !lstatSync(at.buildDirectory, { throwIfNoEntry: false })) {
      onWarning(
        `the record of what was kept of '${drvPath}' is damaged: its build directory may be left in another \`build-dir\``,
      );
    }
    await removeKept(at, takeBackMaps(options.ids));
    removed.push(drvPath);
  }
  return removed;
}

/** What is damaged can still be removed. */
function readIfGood(drvPath: string, realPath: string): KeptRecord | undefined {
  try {
    return readKept(drvPath, realPath);
  } catch (error) {
    if (isAirplantError(error, 'ERR_KEPT_DAMAGED')) return undefined;
    throw error;
  }
}

function allKept({ directories }: LocalStore): string[] {
  const { storeDir, realStoreDir } = directories;
  const ending = keptOf('');
  return readdirSync(realStoreDir)
    .filter((name) => name.endsWith(`.drv${ending}`))
    .filter((name) => lstatSync(join(realStoreDir, name), { throwIfNoEntry: false })?.isDirectory())
    .map((name) => `${storeDir}/${name.slice(0, -ending.length)}`);
}
