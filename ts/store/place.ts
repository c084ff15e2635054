import { lstatSync } from 'node:fs';
import { native } from '../native.js';
import { checkPathInfo } from './check-path-info.js';
import { invalidPath, type Registration } from './database.js';
import { syncDirectory, syncTree } from './durability.js';
import { PathLocks } from './locks.js';
import { linkNewPath } from './optimise/link-new-path.js';
import type { PathInfo } from './path-info.js';
import { realPathOf, type StoreParts } from './store-parts.js';

export interface PlaceOptions {
  /** Locks the caller holds already; the other paths are locked meanwhile. */
  readonly heldLocks?: { holds(realPath: string): boolean } | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called once with a path that somebody else is working on. */
  readonly onWait?: ((busyPath: string) => void) | undefined;
}

/**
 * The one way in which paths become valid. Those of `items` that are not valid yet are put into place by `place`
 * and then registered, all in one transaction; what is valid stays untouched. Returns the information on all.
 *
 * `place` finds nothing at the final path (a leftover of an interrupted attempt has been deleted) and returns
 * what to register. The database comes last: an interruption at any point leaves files that nobody calls valid,
 * and that the next attempt or a collector deletes.
 */
export async function placeAndRegister<Item extends { readonly path: string }>(
  parts: StoreParts,
  items: readonly Item[],
  options: PlaceOptions & { place(item: Item, realPath: string): Promise<Registration> },
): Promise<PathInfo[]> {
  const { directories, database, tempRoots } = parts;
  const missing = () => items.filter(({ path }) => !database.isValid(path));
  const realPath = ({ path }: Item) => realPathOf(directories, path);
  const removeUnlessValid = async (item: Item) => {
    if (!database.isValid(item.path)) await native.removeTree(realPath(item));
  };

  // A root first: what is found valid must stay so, and collectors spare the locks of roots.
  await tempRoots.add(
    items.map(({ path }) => path),
    options.signal,
  );
  const wanted = missing();
  if (wanted.length > 0) {
    const locks = await PathLocks.take(
      wanted.map(realPath).filter((path) => !options.heldLocks?.holds(path)),
      options,
    );
    const placed: Item[] = [];
    let done = false;
    try {
      await parts.makeRoom?.(options.signal);
      const registrations: Registration[] = [];
      // Asked again: somebody else may have made it while we waited.
      for (const item of missing()) {
        options.signal?.throwIfAborted();
        // Nix registers paths without a lock on them.
        if (database.isValid(item.path)) continue;
        if (lstatSync(realPath(item), { throwIfNoEntry: false })) await native.removeTree(realPath(item));
        placed.push(item);
        const { info, ...rest } = await options.place(item, realPath(item));
        registrations.push({ info: checkPathInfo(directories.storeDir, info), ...rest });
        if (parts.autoOptimise) await linkNewPath(parts, item.path, { signal: options.signal });
        if (parts.fsyncStorePaths) await syncTree(realPath(item));
      }
      if (parts.fsyncStorePaths) await syncDirectory(directories.realStoreDir);
      if (registrations.length > 0) await database.register(registrations, options.signal);
      done = true;
    } catch (error) {
      // Whatever cannot be removed now is garbage.
      for (const item of placed) await removeUnlessValid(item).catch(() => {});
      throw error;
    } finally {
      locks.release({ delete: done });
    }
  }
  return items.map(({ path }) => {
    const info = database.pathInfo(path);
    if (!info) throw invalidPath(path);
    return info;
  });
}
