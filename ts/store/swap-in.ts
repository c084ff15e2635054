import { lstatSync } from 'node:fs';
import { native } from '../native.js';
import { immovable } from './immovable.js';

/** Contents that have taken the place of others, which are not lost yet. */
export interface Swap {
  /** Where the old contents lie now; nothing lies there if there were none. */
  readonly old: string;
  /** Puts everything back. */
  undo(): void;
}

/**
 * Puts the tree `fresh` at `place`, atomically if something is there and the file system can exchange two names;
 * otherwise nothing is there for an instant. What was there before is moved beside `fresh`, out of the way.
 *
 * Throws ERR_PATH_IMMUTABLE if what is there cannot be moved; then nothing has changed.
 */
export function swapIn(fresh: string, place: string): Swap {
  if (!lstatSync(place, { throwIfNoEntry: false })) {
    move(fresh, place, 'no-replace');
    return { old: fresh, undo: () => move(place, fresh, 'no-replace') };
  }
  try {
    move(fresh, place, 'exchange');
    return { old: fresh, undo: () => move(fresh, place, 'exchange') };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (isRefusal(code)) throw immovable(place, code, error);
    if (!cannotExchange.has(code)) throw error;
  }
  return swapInTwoSteps(fresh, place);
}

/** What renameat2(2) says where the kernel or the file system has no such thing. */
const cannotExchange = new Set(['ENOSYS', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * Puts everything back, the last first. What cannot be put back keeps nothing else from it; true if there was no such
 * thing. Its old contents lie where they were moved to.
 */
export function undoAll(swaps: readonly Swap[]): boolean {
  let all = true;
  for (const swap of swaps.toReversed()) {
    try {
      swap.undo();
    } catch {
      all = false;
    }
  }
  return all;
}

function swapInTwoSteps(fresh: string, place: string): Swap {
  const old = `${fresh}-old`;
  try {
    move(place, old, 'no-replace');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw isRefusal(code) ? immovable(place, code, error) : error;
  }
  try {
    move(fresh, place, 'no-replace');
  } catch (error) {
    move(old, place, 'no-replace');
    throw error;
  }
  const undo = () => {
    move(place, fresh, 'no-replace');
    move(old, place, 'no-replace');
  };
  return { old, undo };
}

function move(from: string, to: string, how: 'no-replace' | 'exchange'): void {
  native.moveTree(from, to, how);
}

function isRefusal(code: string): boolean {
  return code === 'EPERM' || code === 'EACCES';
}
