import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { type IdSupply, type RangeStart, subordinateRanges } from '../config/id-supply.js';
import { idsPerRange } from '../formats/subordinate-ids.js';
import {
  callersIdentity,
  type Identity,
  identityOfMany,
  identityOfOne,
  identityWithoutGroups,
  type MapPrograms,
  mapsOfAll,
  type OutsideIds,
} from '../sandbox/identity.js';
import type { IdMaps } from '../sandbox/spec.js';
import { LockFile } from '../store/lock-file.js';
import { attempts } from '../store/waiting.js';
import { requireNobodys } from './nobodys-ids.js';

/** What decides who builders are. */
export interface IdPolicy {
  readonly supply: IdSupply;
  /** Effective ids of this process, and its groups besides the effective one. */
  readonly caller: OutsideIds & { readonly groups: readonly number[] };
  /** Root's ranges: `idCount` ids from `startId` on. */
  readonly startId: number;
  readonly idCount: number;
  /** Directories with a lock file for each range; a range is taken when all of its locks are. */
  readonly lockDirectories: readonly string[];
}

/** An identity that is one build's alone until it is given back. */
export interface TakenIdentity extends Disposable {
  readonly identity: Identity;
}

/** Who a build would be that takes the first range; nothing is taken. `range`: it wants many ids. Pure. */
export function foreseenIdentity(policy: IdPolicy, wish: { readonly range: boolean }): Identity {
  const [first] = rangesOf(policy);
  return needsRange(policy, wish) && first ? identityIn(first, policy, wish) : ownIdentity(policy);
}

/**
 * Takes an identity for one build. Root's builders, and those that want many ids, get a range that no other build has, of
 * this or another process; while all are taken, this waits.
 *
 * Throws ERR_SANDBOX_UNAVAILABLE if there is no range at all, or it belongs to somebody else, ERR_FILE if no lock can
 * be had, or the signal's reason.
 */
export async function takeIdentity(
  policy: IdPolicy,
  wish: { readonly range: boolean },
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<TakenIdentity> {
  if (!needsRange(policy, wish)) return { identity: ownIdentity(policy), [Symbol.dispose]() {} };
  const ranges = rangesOf(policy);
  if (ranges.length === 0) {
    throw new AirplantError('ERR_SANDBOX_UNAVAILABLE', 'there is no range of ids for builds on this machine');
  }
  for await (const _ of attempts({ signal, onWait })) {
    for (const [slot, range] of ranges.entries()) {
      const locks = takeSlot(slot, policy.lockDirectories);
      if (!locks) continue;
      const release = () => {
        for (const lock of locks) lock.close();
      };
      try {
        if (policy.supply.hostRoot) requireNobodys(range);
      } catch (error) {
        release();
        throw error;
      }
      return { identity: identityIn(range, policy, wish), [Symbol.dispose]: release };
    }
  }
  throw new Error('unreachable: the attempts never end by themselves');
}

/**
 * Maps with which to take back what builders with ids of their own have left in a directory. Undefined where it takes none,
 * or there are none.
 */
export function takeBackMaps({ supply, caller }: Pick<IdPolicy, 'supply' | 'caller'>): IdMaps | undefined {
  const programs = programsOf(supply);
  if (supply.hostRoot || !programs || subordinateRanges(supply).length === 0) return undefined;
  return mapsOfAll(caller, supply, programs);
}

function needsRange({ supply }: IdPolicy, { range }: { readonly range: boolean }): boolean {
  return range || supply.hostRoot;
}

function rangesOf({ supply, startId, idCount }: IdPolicy): RangeStart[] {
  if (!supply.hostRoot) return subordinateRanges(supply);
  return Array.from({ length: Math.floor(idCount / idsPerRange) }, (_, i) => {
    const first = startId + i * idsPerRange;
    return { uid: first, gid: first };
  });
}

function identityIn(
  first: RangeStart,
  { supply, caller }: IdPolicy,
  { range }: { readonly range: boolean },
): Identity {
  return range
    ? identityOfMany(first, { caller, programs: programsOf(supply) })
    : identityOfOne(first, caller);
}

/** The caller's, without its groups where they can be dropped. */
function ownIdentity({ supply, caller }: IdPolicy): Identity {
  const without = caller.groups.length > 0 ? identityWithoutGroups(caller, supply) : undefined;
  return without ?? callersIdentity;
}

function programsOf({ newuidmap, newgidmap }: IdSupply): MapPrograms | undefined {
  return newuidmap === undefined || newgidmap === undefined ? undefined : { newuidmap, newgidmap };
}

/** All locks of a range, or undefined if somebody has one of them. */
function takeSlot(slot: number, directories: readonly string[]): LockFile[] | undefined {
  const taken: LockFile[] = [];
  for (const directory of directories) {
    const lock = tryLock(directory, `slot-${slot}`);
    if (lock) {
      taken.push(lock);
      continue;
    }
    for (const one of taken) one.close();
    return undefined;
  }
  return taken;
}

function tryLock(directory: string, name: string): LockFile | undefined {
  let file: LockFile | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    file = LockFile.open(join(directory, name));
    if (file.tryLock('exclusive')) return file;
  } catch (cause) {
    file?.close();
    throw new AirplantError('ERR_FILE', `a range of ids cannot be locked in '${directory}'`, { cause });
  }
  file.close();
  return undefined;
}
