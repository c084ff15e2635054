import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { encodeText } from '../../base/text.js';
import { namesIn } from '../names-in.js';
import type { StoreParts } from '../store-parts.js';

/** What hard links save in a store. */
export interface LinkStatistics {
  /** Different files in `.links`. */
  readonly links: number;
  /** Files of the store that are one of them. */
  readonly files: number;
  /** Bytes that the files would take if each had contents of its own, less those that the links take. */
  readonly bytesSaved: number;
}

/** Adds up what `.links` says; nothing else is read. What vanishes meanwhile does not count. */
export function linkStatistics({ directories }: Pick<StoreParts, 'directories'>): LinkStatistics {
  const directory = join(directories.realStoreDir, '.links');
  let [links, files, bytesSaved] = [0, 0, 0];
  for (const name of lstatSync(directory, { throwIfNoEntry: false }) ? namesIn(directory) : []) {
    const path = Buffer.concat([encodeText(`${directory}/`), encodeText(name)]);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) continue;
    links++;
    files += found.nlink - 1;
    bytesSaved += Math.max(0, found.nlink - 2) * found.size;
  }
  return { links, files, bytesSaved };
}
