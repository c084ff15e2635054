import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and what is missing above it, with exactly this mode, or as the umask has it. Nothing that was
 * there already is changed; what is no directory, in its place or above it, is EEXIST or ENOTDIR.
 *
 * Node's recursive mkdir tries for ever where a file system says ENOENT though the directory above exists, as /proc
 * does.
 */
export function makeDirectory(directory: string, mode?: number): void {
  const missing: string[] = [];
  for (let path = directory; !lstatSync(path, { throwIfNoEntry: false }); path = dirname(path))
    missing.push(path);
  for (const path of missing.reverse()) {
    try {
      mkdirSync(path, { mode });
    } catch (error) {
      // Another process may be making the same.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    if (mode !== undefined) chmodSync(path, mode);
  }
}
