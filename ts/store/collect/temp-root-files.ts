import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isStorePath } from '../../formats/store-path.js';
import { native } from '../../native.js';
import type { StoreDirectories } from '../directories.js';
import type { Root } from './records.js';

/**
 * What processes that live work on: the paths in the files of `temproots`, each locked by its owner. The files of dead
 * ones are removed, as Nix does. A file that has come and gone is none; one that cannot be opened is an error, since
 * whoever does not know what it holds must not delete anything.
 */
export function* readTempRoots(
  { stateDir, storeDir }: StoreDirectories,
  { removeStale, onNote }: { readonly removeStale: boolean; readonly onNote: (message: string) => void },
): Generator<Root, void, undefined> {
  const directory = join(stateDir, 'temproots');
  for (const name of readdirSync(directory)) {
    // The number it begins with is the process's: more files than one may be its own.
    const pid = /^\d+/.exec(name)?.[0];
    if (pid === undefined) continue;
    const file = join(directory, name);
    const fd = openRoots(file, removeStale);
    if (fd === undefined) continue;
    try {
      if (!fstatSync(fd).isFile()) continue;
      if (removeStale && native.tryLock(fd, 'exclusive')) {
        onNote(`removing stale temporary roots file '${file}'`);
        // A Nix that ends closes its own before it removes it.
        rmSync(file, { force: true });
        writeSync(fd, 'd');
        continue;
      }
      for (const path of terminatedTexts(fd))
        if (isStorePath(storeDir, path)) yield { link: `{temp:${pid}}`, path };
    } finally {
      closeSync(fd);
    }
  }
}

function openRoots(file: string, forLocking: boolean): number | undefined {
  const { O_RDWR, O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return openSync(file, (forLocking ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Neither a directory nor a symlink is anybody's list.
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}

/** The texts of a file that end with a NUL character; one that is still being written is left to its writer. */
function* terminatedTexts(fd: number): Generator<string, void, undefined> {
  const buffer = Buffer.alloc(64 * 1024);
  let rest = '';
  for (let at = 0; ; ) {
    const length = readSync(fd, buffer, 0, buffer.length, at);
    if (length === 0) return;
    at += length;
    const texts = `${rest}${buffer.toString('latin1', 0, length)}`.split('\0');
    // Nothing that is longer can be a store path.
    rest = texts.pop()!.slice(0, longestText);
    yield* texts;
  }
}

/** PATH_MAX. */
const longestText = 4096;
