import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { findProgram } from '../base/find-program.js';
import { type IdRun, idsPerRange, parseSubordinateIds, rangesIn } from '../formats/subordinate-ids.js';

export { idsPerRange };

/** What this process could give builders besides its own ids. */
export interface IdSupply {
  /** It is root, and not of some user namespace: it may map any id. */
  readonly hostRoot: boolean;
  /** Subordinate users and groups of this user. */
  readonly uids: readonly IdRun[];
  readonly gids: readonly IdRun[];
  /** The programs that map them, absolute paths. */
  readonly newuidmap?: string;
  readonly newgidmap?: string;
  /**
   * Why the two would refuse: no program that this process starts has more rights than it has, or its group is not the one
   * that its account has.
   */
  readonly hindrance?: 'no-new-privileges' | 'other-group';
}

/** First ids of a range of its own for one build. */
export interface RangeStart {
  readonly uid: number;
  readonly gid: number;
}

/** Asks the machine. Never fails: what cannot be read is not there. */
export function idSupply(searchPath: string): IdSupply {
  if (process.platform !== 'linux') return { hostRoot: false, uids: [], gids: [] };
  if (isHostRoot()) return { hostRoot: true, uids: [], gids: [] };
  const user = currentUser();
  const idsOf = (file: string, map: string) =>
    user ? parseSubordinateIds(read(file), user).filter((run) => isMapped(run, read(map))) : [];
  const newuidmap = findProgram('newuidmap', searchPath);
  const newgidmap = findProgram('newgidmap', searchPath);
  const hindrance = findHindrance(user);
  return {
    hostRoot: false,
    uids: idsOf('/etc/subuid', '/proc/self/uid_map'),
    gids: idsOf('/etc/subgid', '/proc/self/gid_map'),
    ...(newuidmap === undefined ? {} : { newuidmap }),
    ...(newgidmap === undefined ? {} : { newgidmap }),
    ...(hindrance === undefined ? {} : { hindrance }),
  };
}

/** The ranges that builds of an ordinary user can have, none of which overlap. Pure. */
export function subordinateRanges(supply: IdSupply): RangeStart[] {
  const { uids, gids, newuidmap, newgidmap, hindrance } = supply;
  if (newuidmap === undefined || newgidmap === undefined || hindrance) return [];
  const groups = rangesIn(gids, idsPerRange);
  return rangesIn(uids, idsPerRange)
    .slice(0, groups.length)
    .map((uid, i) => ({ uid, gid: groups[i]! }));
}

/** Whether builds can have a range of ids at all. Pure. */
export function offersRange(supply: IdSupply): boolean {
  return supply.hostRoot || subordinateRanges(supply).length > 0;
}

/** Whether the user namespace of this process, whose map is given (user_namespaces(7)), has all ids of a run. Pure. */
export function isMapped({ first, count }: IdRun, map: string): boolean {
  return map.split('\n').some((line) => {
    const [inside, , length] = line.trim().split(/\s+/).map(Number);
    return (
      inside !== undefined && length !== undefined && first >= inside && first + count <= inside + length
    );
  });
}

/** Only the first user namespace maps all ids. */
function isHostRoot(): boolean {
  return process.geteuid?.() === 0 && read('/proc/self/uid_map').includes('4294967295');
}

/** Undefined for an id that no account has. */
function currentUser(): { name: string; uid: number; gid: number } | undefined {
  try {
    const { username, uid, gid } = userInfo();
    return { name: username, uid, gid };
  } catch {
    return undefined;
  }
}

function findHindrance(user: { readonly gid: number } | undefined): IdSupply['hindrance'] {
  if (/^NoNewPrivs:\t1$/m.test(read('/proc/self/status'))) return 'no-new-privileges';
  return user && user.gid !== process.getegid?.() ? 'other-group' : undefined;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
