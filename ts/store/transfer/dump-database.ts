import { formatRegistration } from '../../formats/registration.js';
import { invalidPath } from '../database.js';
import type { PathInfo } from '../path-info.js';
import { realPathOf, type StoreParts } from '../store-parts.js';

/**
 * What the database knows of paths, as registration text, byte for byte that of `nix-store --dump-db`: of these in their
 * order, or of all that are valid, sorted. Yields a record at a time.
 *
 * Of all paths, those that become valid or invalid meanwhile may be in it or not. Throws ERR_PATH_INVALID.
 */
export function* dumpDatabase(
  { database, directories }: Pick<StoreParts, 'database' | 'directories'>,
  paths?: Iterable<string>,
): Generator<string, void, undefined> {
  if (paths === undefined) {
    for (const path of database.sortedPaths()) {
      const info = database.pathInfo(path);
      if (info) yield record(info);
    }
    return;
  }
  for (const path of paths) {
    realPathOf(directories, path);
    const info = database.pathInfo(path);
    if (!info) throw invalidPath(path);
    yield record(info);
  }
}

function record({ narHash, narSize, ...info }: PathInfo): string {
  return formatRegistration({ ...info, nar: { hash: narHash, size: narSize } });
}
