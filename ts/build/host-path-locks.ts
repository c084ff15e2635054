import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { native } from '../native.js';
import { findHostSource, type StoreNames } from '../sandbox/host-source.js';
import type { HostPath } from './records.js';

/**
 * Keeps every other build from exchanging the host paths of one for symlinks, or what leads to them (CVE-2021-30465,
 * CVE-2024-42472): its writable directories are its own, and nobody has a directory above any of its paths as a
 * writable one. Whichever process or store the others are of: the locks are on the directories themselves, exclusive on
 * the former and shared on the latter. A builder that takes one too ends before anybody else asks. Paths in the store are
 * nobody's to write.
 *
 * Throws ERR_SANDBOX_PATH if another build is in the way, or was there since the paths were resolved.
 */
export function lockHostPaths(hostPaths: readonly HostPath[], store: StoreNames): Disposable {
  const locks = new Locks();
  const outside = hostPaths.filter(({ source }) => !source.startsWith(`${store.realStoreDir}/`));
  try {
    const writable = outside.filter(({ readOnly }) => !readOnly);
    for (const { source } of writable) locks.take(source, openToOwn(source), 'exclusive');
    const above = new Set(outside.flatMap(({ source }) => directoriesAbove(source)));
    for (const directory of above) locks.take(directory, openIfReadable(directory), 'shared');
    for (const { source } of outside) requireUnchanged(source, store);
    return locks;
  } catch (error) {
    locks[Symbol.dispose]();
    throw error;
  }
}

class Locks implements Disposable {
  /** By device and inode: a second lock of our own would be in the way of the first. */
  readonly #held = new Map<string, number>();

  take(path: string, descriptor: number | undefined, mode: 'shared' | 'exclusive'): void {
    if (descriptor === undefined) return;
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const key = `${dev}:${ino}`;
    if (this.#held.has(key)) {
      closeSync(descriptor);
      return;
    }
    this.#held.set(key, descriptor);
    if (!native.tryLock(descriptor, mode)) throw inUse(path, mode);
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#held.values()) closeSync(descriptor);
    this.#held.clear();
  }
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Undefined for what is no directory. */
function openToOwn(path: string): number | undefined {
  try {
    return openSync(path, directoryFlags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw new AirplantError('ERR_SANDBOX_PATH', `the writable sandbox path ${quote(path)} cannot be opened`, {
      cause: error,
      details: { source: path },
    });
  }
}

/** Undefined for a directory that cannot be read: nobody who runs as we do can lock it as a writable path either. */
function openIfReadable(directory: string): number | undefined {
  try {
    return openSync(directory, directoryFlags);
  } catch {
    return undefined;
  }
}

function directoriesAbove(path: string): string[] {
  const above: string[] = [];
  for (let directory = dirname(path); directory !== '/'; directory = dirname(directory))
    above.push(directory);
  return above;
}

/** Sources were without symlinks when they were resolved. What is missing now the mount has the better words for. */
function requireUnchanged(source: string, store: StoreNames): void {
  const now = findHostSource(source, store);
  if (now.kind !== 'loop' && (now.kind !== 'found' || now.path === source)) return;
  throw new AirplantError(
    'ERR_SANDBOX_PATH',
    `the sandbox path ${quote(source)} leads elsewhere than when it was looked at`,
    { hint: 'Start again, and see who can write to the directories above it.', details: { source } },
  );
}

function inUse(path: string, mode: 'shared' | 'exclusive'): AirplantError {
  return new AirplantError(
    'ERR_SANDBOX_PATH',
    mode === 'exclusive'
      ? `the writable sandbox path ${quote(path)} is in use by another build`
      : `a sandbox path lies below ${quote(path)}, which another build is writing to`,
    {
      hint: 'Builds that share a writable directory run one at a time: set `max-jobs` to 1, and wait for other builds.',
      details: { source: path },
    },
  );
}
