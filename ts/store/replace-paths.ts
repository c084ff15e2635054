import { join } from 'node:path';
import { native } from '../native.js';
import { checkPathInfo } from './check-path-info.js';
import type { Registration } from './database.js';
import { syncDirectory, syncTree } from './durability.js';
import { cureFor } from './immovable.js';
import { PathLocks } from './locks.js';
import { linkNewPath } from './optimise/link-new-path.js';
import type { PlaceOptions } from './place.js';
import { createStaging } from './staging.js';
import { realPathOf, type StoreParts } from './store-parts.js';
import { type Swap, swapIn, undoAll } from './swap-in.js';

/** Contents for a path that may be valid, and have others. */
export interface Replacement {
  /** What is to be registered. */
  readonly registration: Registration;
  /** Where the contents lie on the host: canonical, hashed, on the store's file system, and nobody else's. */
  readonly source: string;
}

/** Damaged contents that could not be deleted once they were replaced. */
export interface KeptContents {
  readonly path: string;
  /** Where they lie on the host. */
  readonly place: string;
  /** How to get rid of them. */
  readonly cure: string;
}

/**
 * The one way in which paths get other contents. All are swapped in and then registered in one transaction, or none:
 * the old contents are kept in a private directory until the new ones are registered, and put back if they cannot be.
 * A process killed meanwhile leaves whole contents at every path, old or new, and garbage.
 *
 * Throws ERR_PATH_IMMUTABLE (nothing has changed then), ERR_PATH_INVALID for a reference that is not valid, and what
 * the operating system says. Returns old contents that cannot be deleted.
 */
export async function replacePaths(
  parts: StoreParts,
  replacements: readonly Replacement[],
  options: PlaceOptions = {},
): Promise<KeptContents[]> {
  const { directories, database, tempRoots } = parts;
  const paths = replacements.map(({ registration }) => registration.info.path);
  const realPaths = paths.map((path) => realPathOf(directories, path));
  const registrations = replacements.map(({ registration }) => ({
    ...registration,
    info: checkPathInfo(directories.storeDir, registration.info),
  }));
  await tempRoots.add(paths, options.signal);
  const own = realPaths.filter((path) => !options.heldLocks?.holds(path));
  const locks = await PathLocks.take(own, options);
  let done = false;
  try {
    const staging = await createStaging(parts);
    const swaps: Swap[] = [];
    try {
      for (const [index, { source }] of replacements.entries()) {
        options.signal?.throwIfAborted();
        if (parts.fsyncStorePaths) await syncTree(source);
        const fresh = join(staging.directory, `${index}`);
        native.moveTree(source, fresh, 'no-replace');
        swaps.push(swapIn(fresh, realPaths[index]!));
        // Links may be damaged just as the path was.
        const linking = { checkLinks: true, signal: options.signal };
        if (parts.autoOptimise) await linkNewPath(parts, paths[index]!, linking);
      }
      if (parts.fsyncStorePaths) await syncDirectory(directories.realStoreDir);
      await database.register(registrations, options.signal);
      done = true;
    } catch (error) {
      // Why it came to that is the thing to tell. Contents that could not be put back are not thrown away.
      if (undoAll(swaps)) await staging.close().catch(() => {});
      throw error;
    }
    const kept: KeptContents[] = [];
    for (const [index, { old }] of swaps.entries()) {
      if (!(await isRemoved(old))) kept.push({ path: paths[index]!, place: old, cure: cureFor(old) });
    }
    if (kept.length === 0) await staging.close();
    return kept;
  } finally {
    locks.release({ delete: done });
  }
}

/** The new contents are registered: whatever keeps the old ones from being deleted is no failure. */
async function isRemoved(old: string): Promise<boolean> {
  try {
    await native.removeTree(old);
    return true;
  } catch {
    return false;
  }
}
