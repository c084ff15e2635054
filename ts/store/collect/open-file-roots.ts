import { spawnSync } from 'node:child_process';
import type { StoreDirectories } from '../directories.js';
import type { Root } from './records.js';
import { storePathAround } from './root-links.js';

/**
 * What running processes have open or run, by the words of `lsof`, where there is no /proc (macOS): as Nix 2.8 asks it. Of
 * the processes of others it says what it may. Where it is missing or cannot be run nothing is found, as in Nix.
 */
export function* readOpenFileRoots(
  directories: StoreDirectories,
  program = '/usr/sbin/lsof',
): Generator<Root, void, undefined> {
  // No host names, no warnings, of every file its name. A status other than 0 only says that something was not found.
  const { stdout } = spawnSync(program, ['-n', '-w', '-F', 'n'], {
    encoding: 'latin1',
    maxBuffer: mostOutput,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  yield* openFileRoots(stdout ?? '', directories);
}

/** Far more than all files of a machine. */
const mostOutput = 1024 * 1024 * 1024;

/** The roots in what `lsof -F n` prints: a line for each process, descriptor and name, told apart by their first letters. */
export function* openFileRoots(
  output: string,
  directories: StoreDirectories,
): Generator<Root, void, undefined> {
  for (const [, file] of output.matchAll(/^n(\/.*)$/gm)) {
    const path = storePathAround(file!, directories);
    if (path !== undefined) yield { link: '{lsof}', path };
  }
}
