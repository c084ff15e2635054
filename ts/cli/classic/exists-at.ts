import { lstatSync } from 'node:fs';

/** Whether there is anything at a path, a dangling symlink included. */
export function existsAt(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
