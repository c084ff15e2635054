import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { decideJournal, fileSystemType } from '../config/file-system.js';
import type { Check } from './check.js';

/**
 * Whether the file system of a directory (of its nearest existing ancestor) suits a store: on a disk of this machine.
 * `typeOf` gives its type, undefined for one that needs no name, or throws ENOENT where there is nothing.
 */
export function fileSystemCheck(
  directory: string,
  typeOf: (path: string) => string | undefined = typeOfExisting,
): Check {
  const name = 'a local file system for the store';
  const decision = decideJournal({ type: typeOfNearest(directory, typeOf), locksWork: true });
  if (decision.journal === 'wal') return { name, ok: true, required: false };
  return {
    name,
    ok: false,
    required: false,
    cause: `${directory}: ${decision.why}.`,
    cure: 'Name a directory on a local disk with `--store`.',
    cost:
      decision.journal === 'none'
        ? 'No store can be kept there.'
        : 'The database of a store there works without its write-ahead log, and builds are slower.',
  };
}

/** Undefined also where nobody can say. */
function typeOfNearest(directory: string, typeOf: (path: string) => string | undefined): string | undefined {
  for (let path = directory; ; path = dirname(path)) {
    try {
      return typeOf(path);
    } catch {
      if (path === dirname(path)) return undefined;
    }
  }
}

function typeOfExisting(path: string): string | undefined {
  return fileSystemType(realpathSync(path));
}
