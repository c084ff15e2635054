import { lstatSync, lutimesSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/**
 * The error for a path on the host that is marked immutable, without trying to move it; undefined for any other, and
 * for one of another user, of which that cannot be told.
 */
export function findImmutable(place: string): AirplantError | undefined {
  const stats = lstatSync(place, { throwIfNoEntry: false });
  if (!stats || !isOwn(stats.uid)) return undefined;
  try {
    // What every path of a store has anyway.
    lutimesSync(place, stats.atime, canonicalTime);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
    return immovable(place, 'EPERM', error);
  }
}

/** Modification time of everything in a store, in seconds. */
const canonicalTime = 1;

/** The error for a path that the operating system did not let be moved. */
export function immovable(place: string, errno: string, cause: unknown): AirplantError {
  return new AirplantError(
    'ERR_PATH_IMMUTABLE',
    `${quote(place, longestPath)} cannot be replaced and stays as it is: the operating system does not let it be moved (${errno})`,
    { hint: cureFor(place), cause, details: { path: place, errno } },
  );
}

/** PATH_MAX: the path is to be copied into a command. */
const longestPath = 4096;

/** What makes it possible to move or delete something that belongs to a store. */
export function cureFor(place: string): string {
  const owner = lstatSync(place, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && !isOwn(owner)) {
    return `It belongs to the user ${owner}: repair it as that user.`;
  }
  const command = process.platform === 'linux' ? 'chattr -R -i' : 'chflags -R nouchg,noschg';
  return `It, or something in it, is marked immutable, as old versions of Nix did: run \`${command} ${quote(place, longestPath)}\` as root, and repair it again.`;
}

function isOwn(uid: number): boolean {
  const self = process.geteuid?.();
  return self === 0 || self === uid;
}
