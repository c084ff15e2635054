import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import type { RangeStart } from '../config/id-supply.js';
import { idsPerRange } from '../formats/subordinate-ids.js';

/**
 * Throws ERR_SANDBOX_UNAVAILABLE if a range of root's belongs to somebody: an account or a group, or users who may map its
 * ids. A builder that has them could be entered from outside, or have what is theirs. `directory` has passwd(5), group(5),
 * subuid(5) and subgid(5).
 */
export function requireNobodys(range: RangeStart, directory: string = '/etc'): void {
  for (const { file, kind, first, count } of places) {
    const path = join(directory, file);
    const last = range[kind] + idsPerRange - 1;
    for (const line of readLines(path)) {
      const fields = line.split(':');
      const id = Number(fields[first]);
      const ids = count === undefined ? 1 : Number(fields[count]);
      if (!(id <= last && id + ids > range[kind])) continue;
      throw new AirplantError(
        'ERR_SANDBOX_UNAVAILABLE',
        `the ids ${range[kind]} to ${last} are meant for a build, but ${path} gives some of them to '${fields[0]}'`,
        { hint: 'Choose ids that are nobody’s with the setting `start-id`.' },
      );
    }
  }
}

/** Where ids are given away: which fields of a line have the first id, and how many. */
const places: readonly {
  readonly file: string;
  readonly kind: keyof RangeStart;
  readonly first: number;
  readonly count?: number;
}[] = [
  { file: 'passwd', kind: 'uid', first: 2 },
  { file: 'subuid', kind: 'uid', first: 1, count: 2 },
  { file: 'passwd', kind: 'gid', first: 3 },
  { file: 'group', kind: 'gid', first: 2 },
  { file: 'subgid', kind: 'gid', first: 1, count: 2 },
];

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
