import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { native } from '../native.js';
import { findHostSource, type StoreNames } from '../sandbox/host-source.js';
import { attempts } from '../store/waiting.js';
import type { HostPath } from './records.js';

export interface HostPathLocking {
  readonly signal: AbortSignal;
  /** Is told, in a sentence, who is in the way. */
  readonly onWait: (why: string) => void;
  /** User 0 may be the builder of some build: the caller is root and its builders have no ids of their own. */
  readonly rootBuilds: boolean;
}

/**
 * Keeps every other build from exchanging the host paths of one for symlinks, or what leads to them (CVE-2021-30465,
 * CVE-2024-42472): its writable directories are its own, and nobody has a directory above any of its paths as a
 * writable one. Whichever process or store the others are of: the locks are on the directories themselves, exclusive on
 * the former and shared on the latter. A builder that takes one too ends before anybody else asks. Paths in the store are
 * nobody's to write, and neither is what only root can exchange, unless builders are root (`rootBuilds`): there nothing is
 * locked, as whoever can read a directory could keep its lock, and every build of this machine with it.
 *
 * Waits until no other build is in the way, and holds nothing meanwhile that could be in theirs. Throws ERR_SANDBOX_PATH for a path that leads elsewhere since it was looked at, or the signal's reason.
 */
export async function lockHostPaths(
  hostPaths: readonly HostPath[],
  store: StoreNames,
  { signal, onWait, rootBuilds }: HostPathLocking,
): Promise<Disposable> {
  const outside = hostPaths.filter(({ source }) => !source.startsWith(`${store.realStoreDir}/`));
  let busy = '';
  for await (const _ of attempts({ signal, onWait: () => onWait(busy) })) {
    const locks = new Locks();
    try {
      const inTheWay = takeAll(locks, outside, { rootBuilds });
      if (inTheWay === undefined) {
        for (const { source } of outside) requireUnchanged(source, store);
        return locks;
      }
      busy = inTheWay;
    } catch (error) {
      locks[Symbol.dispose]();
      throw error;
    }
    locks[Symbol.dispose]();
  }
  throw new Error('unreachable: the attempts never end by themselves');
}

/** What is in the way, in a sentence. */
function takeAll(
  locks: Locks,
  outside: readonly HostPath[],
  { rootBuilds }: Pick<HostPathLocking, 'rootBuilds'>,
): string | undefined {
  for (const { source } of outside.filter(({ readOnly }) => !readOnly)) {
    if (locks.take(openToOwn(source), 'exclusive')) continue;
    return `the writable sandbox path ${quote(source)} is in use by another build`;
  }
  const above = outside
    .map(({ source }) => directoriesAbove(source))
    .filter((directories) => rootBuilds || !['/', ...directories].every(isRootsAlone));
  for (const directory of new Set(above.flat())) {
    if (locks.take(openIfReadable(directory), 'shared')) continue;
    return `a sandbox path lies below ${quote(directory)}, which another build is writing to`;
  }
  return undefined;
}

class Locks implements Disposable {
  /** By device and inode: a second lock of our own would be in the way of the first. */
  readonly #held = new Map<string, number>();

  /** False if somebody else is there. */
  take(descriptor: number | undefined, mode: 'shared' | 'exclusive'): boolean {
    if (descriptor === undefined) return true;
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const key = `${dev}:${ino}`;
    if (this.#held.has(key)) {
      closeSync(descriptor);
      return true;
    }
    this.#held.set(key, descriptor);
    return native.tryLock(descriptor, mode);
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

/** Nobody else can exchange what is in it. An access control list shows in the bits of the group. */
function isRootsAlone(directory: string): boolean {
  const stats = lstatSync(directory, { throwIfNoEntry: false });
  return stats?.uid === 0 && (stats.mode & 0o022) === 0;
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
