import { lstatSync } from 'node:fs';
import { compareText } from '../../base/text.js';
import { PathLocks } from '../locks.js';
import { realPathOf } from '../store-parts.js';
import { whyUnreadable } from './unreadable.js';
import type { VerifyContext } from './verify-store.js';

/**
 * Looks for valid paths on the disk; `entries` are the names that were in the store directory. A missing path that no
 * valid one refers to becomes invalid, and with it what only such paths referred to. Returns those that exist, sorted.
 */
export async function verifyExistence(
  context: VerifyContext,
  paths: readonly string[],
  entries: ReadonlySet<string>,
): Promise<string[]> {
  const { directories, database } = context.parts;
  const sorted = [...new Set(paths)].sort(compareText);
  const isThere = (path: string) => {
    if (entries.has(path.slice(directories.storeDir.length + 1))) return true;
    try {
      return exists(realPathOf(directories, path));
    } catch (error) {
      // Nobody knows whether it is there.
      const why = whyUnreadable(error, context.signal);
      context.find({ kind: 'unreadable', state: 'error', path, why });
      return true;
    }
  };
  const missing = new Set(sorted.filter((path) => !isThere(path) && database.isValid(path)));
  // Those that refer to others first: once they are forgotten, the others may be.
  for (const path of database.topologicalSort(missing).reverse()) await settleMissing(context, path);
  return sorted.filter((path) => !missing.has(path) && database.isValid(path));
}

async function settleMissing({ parts, signal, find }: VerifyContext, path: string): Promise<void> {
  const { directories, database, derivations } = parts;
  const realPath = realPathOf(directories, path);
  const referrers = database.referrers(path).filter((referrer) => referrer !== path);
  const isForgotten = referrers.length === 0 && (await forget());
  // Somebody has put it back, or a repair was at it just then.
  if (!isForgotten && exists(realPath)) return;
  if (isForgotten) derivations.forget(path);
  find({ kind: 'missing', state: isForgotten ? 'settled' : 'error', path, referrers });

  async function forget(): Promise<boolean> {
    const locks = PathLocks.tryTake([realPath]);
    if (typeof locks === 'string') return false;
    try {
      return await database.upkeep.forget(path, { isGone: () => !exists(realPath), signal });
    } finally {
      locks.release({ delete: true });
    }
  }
}

function exists(realPath: string): boolean {
  return lstatSync(realPath, { throwIfNoEntry: false }) !== undefined;
}
