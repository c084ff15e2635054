import type { Host } from '../doctor/host.js';
import { type IdRun, idsPerRange } from '../formats/subordinate-ids.js';
import type { IdMap, IdMaps, IdRange, SandboxIds } from './spec.js';

/** Who a builder is, inside the sandbox and outside. */
export interface Identity {
  readonly ids: SandboxIds;
  /** Absent: outside it is the caller. */
  readonly idMaps?: IdMaps;
}

/** Ids of a process outside. */
export interface OutsideIds {
  readonly uid: number;
  readonly gid: number;
}

/** Absolute paths of the programs that write maps; absent: root does it. */
export interface MapPrograms {
  readonly newuidmap: string;
  readonly newgidmap: string;
}

/** Ids inside a sandbox: `nixbld`, as in Nix. */
export const sandboxUid = 1000;
export const sandboxGid = 100;

/** The caller's one id, and its supplementary groups. */
export const callersIdentity: Identity = { ids: { uid: sandboxUid, gid: sandboxGid } };

/**
 * The caller's one id without supplementary groups, where that can be had: newgidmap is allowed to map one more group, and
 * where it has written the map, the kernel lets groups go.
 */
export function identityWithoutGroups(
  caller: OutsideIds,
  { gids, newgidmap, hindrance }: Pick<Host['ids'], 'gids' | 'newgidmap' | 'hindrance'>,
): Identity | undefined {
  const [more] = gids;
  if (newgidmap === undefined || more === undefined || hindrance) return undefined;
  const ranges = [
    { inside: sandboxGid, outside: caller.gid, count: 1 },
    { inside: callerInside, outside: more.first, count: 1 },
  ];
  return { ...callersIdentity, idMaps: { gids: { ranges, program: newgidmap } } };
}

/** A user and a group that are nobody else's, known by the usual ids inside. */
export function identityOfOne(outside: OutsideIds, caller: OutsideIds): Identity {
  const { ids } = callersIdentity;
  return { ids, idMaps: mapsOf({ ids, outside, caller, count: 1 }) };
}

/** A whole range of users and groups, as root among them: Nix's `uid-range`. */
export function identityOfMany(
  outside: OutsideIds,
  { caller, programs }: { readonly caller: OutsideIds; readonly programs?: MapPrograms | undefined },
): Identity {
  const ids = { uid: 0, gid: 0, count: idsPerRange };
  return { ids, idMaps: mapsOf({ ids, outside, caller, count: idsPerRange, programs }) };
}

/** Maps in which the caller has all of its subordinate ids, to take back what builders with some of them have left. */
export function mapsOfAll(
  caller: OutsideIds,
  { uids, gids }: { readonly uids: readonly IdRun[]; readonly gids: readonly IdRun[] },
  { newuidmap, newgidmap }: MapPrograms,
): IdMaps {
  return {
    uids: { ranges: inARow([{ first: caller.uid, count: 1 }, ...uids]), program: newuidmap },
    gids: { ranges: inARow([{ first: caller.gid, count: 1 }, ...gids]), program: newgidmap },
  };
}

/** Inside, what is not the builder's is beyond all ids that a builder can have. */
const callerInside = idsPerRange;

function mapsOf({
  ids,
  outside,
  caller,
  count,
  programs,
}: {
  readonly ids: OutsideIds;
  readonly outside: OutsideIds;
  readonly caller: OutsideIds;
  readonly count: number;
  readonly programs?: MapPrograms | undefined;
}): IdMaps {
  const map = (inside: number, first: number, own: number, program: string | undefined): IdMap => ({
    ranges: [
      { inside, outside: first, count },
      { inside: callerInside, outside: own, count: 1 },
    ],
    ...(program === undefined ? {} : { program }),
  });
  return {
    uids: map(ids.uid, outside.uid, caller.uid, programs?.newuidmap),
    gids: map(ids.gid, outside.gid, caller.gid, programs?.newgidmap),
  };
}

/** As many as the kernel takes in one map. */
function inARow(runs: readonly IdRun[]): IdRange[] {
  let inside = 0;
  return runs.slice(0, 340).map(({ first, count }) => {
    const range = { inside, outside: first, count };
    inside += count;
    return range;
  });
}
