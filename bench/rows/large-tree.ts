import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What `makeLargeTree` makes: 1 GiB. */
export const largeTree = { files: 4, megabytesPerFile: 256 } as const;

/**
 * Fills a directory with a few large files of random bytes, so that neither a compressing nor a deduplicating file
 * system can cheat. `mark` stands in them once in every 256 KiB.
 */
export function makeLargeTree(tree: string, mark = ''): void {
  const block = Buffer.alloc(2 ** 25);
  for (let file = 0; file < largeTree.files; file++) {
    const descriptor = openSync(join(tree, `file-${file}`), 'wx');
    for (let written = 0; written < largeTree.megabytesPerFile * 2 ** 20; written += block.length) {
      randomFillSync(block);
      for (let at = 0; mark !== '' && at < block.length; at += 2 ** 18) block.write(mark, at, 'latin1');
      writeSync(descriptor, block);
    }
    closeSync(descriptor);
  }
}
