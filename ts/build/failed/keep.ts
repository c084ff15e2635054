import { existsSync, lstatSync, renameSync, writeFileSync } from 'node:fs';
import { AirplantError } from '../../base/errors.js';
import { native } from '../../native.js';
import type { IdMaps } from '../../sandbox/spec.js';
import { takeBack } from '../../sandbox/take-back.js';
import { type Place, removePlace } from '../scratch.js';
import { lockKept, recordFile } from './find-kept.js';
import { inodesOf, partsOf } from './kept-parts.js';
import type { KeptRecord } from './kept-record.js';

export interface KeepOptions {
  /** The same parts, where they are to be kept: in the same directories as those of the place. */
  readonly at: Place;
  readonly record: Omit<KeptRecord, 'inodes'>;
  /** See `removePlace`. */
  readonly idMaps: IdMaps | undefined;
  /** The builder was not the caller. */
  readonly forBuilder: boolean;
}

/**
 * Puts aside what a builder worked in, instead of what was kept there before. The builder must be dead. Its directories move
 * as they are, below ones that nobody but the caller can enter; nothing in them is opened or changed, but that files of
 * builders with ids of their own are the caller's, as after every build.
 *
 * Throws ERR_PATH_IN_USE while a shell is in what was kept before, or what the file system refuses; the directories are
 * where they were then.
 */
export async function keepFailed(
  place: Place,
  { at, record, idMaps, forBuilder }: KeepOptions,
): Promise<void> {
  // The sandbox has tried before.
  if (forBuilder && idMaps !== undefined) {
    for (const top of [place.scratch, place.buildTop]) if (top !== undefined) await takeBack(top, idMaps);
  }
  await removeKept(at, idMaps);
  refuseForeign(at);
  // What was copied there was not for the builder.
  await native.removeTree(place.privateDirectory);
  const written: KeptRecord = { ...record, inodes: inodesOf(partsOf(place, record.request)) };
  writeFileSync(recordFile(place.scratch), `${JSON.stringify(written)}\n`, { flag: 'wx', mode: 0o600 });
  if (place.buildTop !== undefined) renameSync(place.buildTop, at.buildTop!);
  try {
    // Last: what has no record there was not kept.
    renameSync(place.scratch, at.scratch);
  } catch (error) {
    if (place.buildTop !== undefined) renameSync(at.buildTop!, place.buildTop);
    throw error;
  }
}

/** Where others may write, too, somebody may have made a directory of the very name. */
function refuseForeign(at: Place): void {
  const owner = foreignOwner(at);
  if (owner === undefined) return;
  throw new AirplantError('ERR_FILE', `'${at.buildTop}', where it is to lie, belongs to user ${owner}`, {
    hint: 'Name a directory with `build-dir` where nobody else can write.',
  });
}

function foreignOwner({ buildTop }: Place): number | undefined {
  if (buildTop === undefined) return undefined;
  const owner = lstatSync(buildTop, { throwIfNoEntry: false })?.uid;
  return owner === process.geteuid?.() ? undefined : owner;
}

/**
 * Removes what was kept; not what belongs to somebody else and has the place of a build directory that is gone.
 *
 * Throws ERR_PATH_IN_USE while somebody is in it.
 */
export async function removeKept(at: Place, idMaps: IdMaps | undefined): Promise<void> {
  using lock = existsSync(recordFile(at.scratch)) ? lockKept(at.scratch) : undefined;
  if (lock === null) {
    throw new AirplantError('ERR_PATH_IN_USE', `a shell is in '${at.scratch}', so it stays`, {
      hint: 'End that shell first.',
    });
  }
  const { buildTop: _, ...rest } = at;
  await removePlace(foreignOwner(at) === undefined ? at : rest, idMaps);
}
