import { lstatSync } from 'node:fs';
import { quote } from '../../base/quote.js';
import type { BuildRequest } from '../records.js';
import type { Place } from '../scratch.js';
import type { KeptRecord } from './kept-record.js';

/** The directories that a kept build is entered with, outermost first. */
export function partsOf(place: Place, { unsealed }: Pick<BuildRequest, 'unsealed'>): readonly string[] {
  const { buildTop, buildDirectory, outputDirectory, root, temporaryDirectory } = place;
  return [
    ...(buildTop === undefined ? [] : [buildTop]),
    buildDirectory,
    outputDirectory,
    ...(unsealed ? [] : [root, temporaryDirectory]),
  ];
}

/** What tells them from others that are put in their places. Devices are left out: they get other numbers with time. */
export function inodesOf(parts: readonly string[]): readonly string[] {
  return parts.map((part) => String(lstatSync(part, { bigint: true, throwIfNoEntry: false })?.ino ?? 0));
}

/**
 * What is wrong with the parts of a kept build, as the end of a sentence; undefined if they are those that were kept. Where
 * the build directory has a place of its own others may write there, too: what was kept may be gone, and theirs be there.
 */
export function wrongPart(place: Place, { request, inodes }: KeptRecord): string | undefined {
  const parts = partsOf(place, request);
  for (const [index, part] of parts.entries()) {
    const stats = lstatSync(part, { bigint: true, throwIfNoEntry: false });
    if (!stats?.isDirectory()) return `it lacks ${quote(part)}`;
    if (part === place.buildTop) {
      if (Number(stats.uid) !== process.geteuid?.()) return `${quote(part)} belongs to user ${stats.uid}`;
      if ((Number(stats.mode) & 0o077) !== 0) return `others may enter ${quote(part)}`;
    }
    if (String(stats.ino) !== inodes[index]) return `${quote(part)} is another directory than was kept`;
  }
  return undefined;
}
