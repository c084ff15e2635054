import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A private directory for everything one run of the bench makes. */
export interface Workspace {
  readonly path: string;
  /** Makes a new empty directory whose name begins so. */
  directory(name: string): string;
}

/**
 * Makes a workspace below `parent` that is removed when the process exits, whatever the reason (short of SIGKILL);
 * turning signals into an exit is the caller's business.
 */
export function createWorkspace(parent: string): Workspace {
  const path = mkdtempSync(join(resolve(parent), 'airplant-bench-'));
  process.once('exit', () => removeTree(path));
  return {
    path,
    directory: (name) => mkdtempSync(join(path, `${name}-`)),
  };
}

/** Removes a tree of our own making, read-only directories (as a store's are) included. */
export function removeTree(path: string): void {
  makeDirectoriesWritable(path);
  // Processes killed a moment ago may still be writing.
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function makeDirectoriesWritable(root: string): void {
  const pending = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    try {
      chmodSync(directory, 0o700);
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory()) pending.push(join(directory, entry.name));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
