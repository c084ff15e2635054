import { closeSync, constants, fstatSync, opendirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { decodeText } from '../../base/text.js';
import { isStorePath } from '../../formats/store-path.js';
import { native } from '../../native.js';
import type { StoreParts } from '../store-parts.js';
import { Pace } from './pace.js';
import type { ProtectedPaths } from './protected-paths.js';
import { trashName } from './trash.js';

/** What lies in the store directory and is no valid path. */
export interface Leftovers {
  /** Nobody's: what an interrupted build, import or collection left, and old lock files. Names, locks first. */
  readonly dead: readonly string[];
  /** Owned by a process that works on it, by a lock or as a temporary root. */
  readonly used: readonly string[];
}

/**
 * Looks through the store directory. What a process holds a lock on is protected from now on, with all that begins with
 * the same hash part; what it is, it may have become valid since.
 */
export async function findLeftovers(
  { directories, database }: Pick<StoreParts, 'directories' | 'database'>,
  protectedPaths: ProtectedPaths,
  signal: AbortSignal | undefined,
): Promise<Leftovers> {
  const { storeDir, realStoreDir } = directories;
  const dead: string[] = [];
  const used: string[] = [];
  for await (const names of namesOfStore(realStoreDir, signal)) {
    const paths = names.map((name) => `${storeDir}/${name}`);
    const valid = database.garbage.idsOf(paths.filter((path) => isStorePath(storeDir, path)));
    dead.push(...names.filter((name) => !valid.has(`${storeDir}/${name}`)));
  }
  const isLock = (name: string) => name.endsWith('.lock') && isStorePath(storeDir, `${storeDir}/${name}`);
  for (const name of dead) {
    if (isLock(name) && isLocked(join(realStoreDir, name))) protectedPaths.add(`${storeDir}/${name}`);
  }
  const isUsed = (name: string) =>
    isStorePath(storeDir, `${storeDir}/${name}`)
      ? protectedPaths.has(`${storeDir}/${name}`)
      : isTemporaryInUse(realStoreDir, name);
  const [locks, others]: [string[], string[]] = [[], []];
  for (const name of dead) (isUsed(name) ? used : isLock(name) ? locks : others).push(name);
  return { dead: [...locks, ...others], used };
}

/**
 * Removes a lock file that nobody holds, in the way of its holders: who waits for it starts over with a new one. `busy` if
 * somebody has taken it meanwhile, `other` if it is something else that is only called so.
 */
export function removeLock(file: string): 'removed' | 'busy' | 'other' {
  const fd = openExisting(file);
  if (fd === undefined) return 'other';
  try {
    const stats = fstatSync(fd);
    // A lock file is empty, or marked as removed.
    if (!stats.isFile() || stats.size > 1) return 'other';
    if (!native.tryLock(fd, 'exclusive')) return 'busy';
    unlinkSync(file);
    writeSync(fd, 'd');
    return 'removed';
  } catch {
    return 'other';
  } finally {
    closeSync(fd);
  }
}

/**
 * Runs something with the lock of a temporary directory or file of Nix, `tmp-…`, unless somebody else has it by now: that
 * nobody had it when it was looked at is some time ago.
 */
export function unlessLocked(file: string, work: () => void): void {
  let fd: number | undefined;
  try {
    fd = openExisting(file);
  } catch {
    // It has become somebody else's, as for `isLocked`.
    return;
  }
  try {
    if (fd === undefined || native.tryLock(fd, 'exclusive')) work();
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The names in the store directory that could be garbage, in batches. */
async function* namesOfStore(
  realStoreDir: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string[], void, undefined> {
  const pace = new Pace(signal);
  const reader = opendirSync(realStoreDir, { encoding: 'buffer' as never, bufferSize: 1024 });
  let names: string[] = [];
  try {
    for (let entry = reader.readSync(); entry; entry = reader.readSync()) {
      const name = decodeText(entry.name as unknown as Buffer);
      if (name === '.links' || name === trashName) continue;
      names.push(name);
      if (names.length < 1000) continue;
      yield names;
      names = [];
      await pace.rest();
    }
  } finally {
    reader.closeSync();
  }
  yield names;
}

/**
 * Temporary entries of Nix whose owner is at work: `tmp-…`, a directory or file it has locked, and `.tmp-link-PID-…`, which
 * an optimiser is about to rename.
 */
function isTemporaryInUse(realStoreDir: string, name: string): boolean {
  if (name.startsWith('tmp-')) return isLocked(join(realStoreDir, name));
  const pid = /^\.tmp-link-(\d{1,10})-/.exec(name)?.[1];
  return pid !== undefined && isRunning(Number(pid));
}

/** A file that cannot be asked belongs to another user, who may well have it locked. */
function isLocked(file: string): boolean {
  let fd: number | undefined;
  try {
    fd = openExisting(file);
    if (fd === undefined || native.tryLock(fd, 'exclusive')) return false;
    return true;
  } catch {
    return true;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Undefined for what is gone, and for a symlink, which nobody locks. */
function openExisting(file: string): number | undefined {
  const { O_RDWR, O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const open = (access: number) => openSync(file, access | O_NOFOLLOW | O_NONBLOCK);
  try {
    return open(O_RDWR);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    // A directory, what was canonical already, or what may not be written to at all.
    if (code === 'EISDIR' || code === 'EACCES' || code === 'EROFS') return open(O_RDONLY);
    throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
