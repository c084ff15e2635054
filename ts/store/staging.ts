import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../native.js';

/** A private directory on the store's file system, where things are made before they are moved into place. */
export interface Staging {
  readonly directory: string;
  /** Removes it with all that is still in it. */
  close(): Promise<void>;
}

/**
 * Makes `<real store>/tmp-<pid>-<n>`, mode 0700 and locked: a collector deletes such a directory unless somebody
 * holds its lock, so what a killed process leaves behind goes with the garbage.
 */
export function createStaging(realStoreDir: string): Staging {
  for (;;) {
    const directory = join(realStoreDir, `tmp-${process.pid}-${counter++}`);
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      // Left by a process that had our number, or made by one that has it in another pid namespace.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    const fd = lockDirectory(directory);
    if (fd === undefined) continue;
    return {
      directory,
      close: async () => {
        try {
          await native.removeTree(directory);
        } finally {
          closeSync(fd);
        }
      },
    };
  }
}

let counter = 0;

/** Undefined if a collector came between making the directory and locking it. */
function lockDirectory(directory: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const stillThere = () => lstatSync(directory, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
  if (native.tryLock(fd, 'exclusive') && stillThere()) return fd;
  closeSync(fd);
  return undefined;
}
