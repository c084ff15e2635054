import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { decodeText } from '../../base/text.js';
import type { StoreDirectories } from '../directories.js';
import { isNeverReadable } from './never-readable.js';
import { readOpenFileRoots } from './open-file-roots.js';
import type { Root } from './records.js';
import { storePathAround } from './root-links.js';

/**
 * What running processes use, as far as this user may see it: the files they run, have open or mapped, their current
 * directories, and what their environments name. Where the store lies elsewhere than its paths say, a process has files
 * of it under either name, by whether it lives in a mount namespace that shows the store at its logical place.
 *
 * On macOS it is what `lsof` says: the option `lsof` names another program to ask. The paths need not be valid; each comes once for every place that names it.
 */
export function* readRuntimeRoots(
  directories: StoreDirectories,
  { lsof }: { readonly lsof?: string } = {},
): Generator<Root, void, undefined> {
  if (process.platform === 'darwin') return yield* readOpenFileRoots(directories, lsof);
  for (const process of list('/proc')) if (/^\d+$/.test(process)) yield* rootsOfProcess(process, directories);
  for (const name of ['modprobe', 'fbsplash', 'poweroff_cmd']) {
    const file = `/proc/sys/kernel/${name}`;
    yield* rootAt(file, read(file).trimEnd(), directories);
  }
}

function* rootsOfProcess(pid: string, directories: StoreDirectories): Generator<Root, void, undefined> {
  const process = `/proc/${pid}`;
  const links = ['exe', 'cwd', ...list(`${process}/fd`).map((fd) => `fd/${fd}`)];
  for (const link of links) yield* rootAt(`${process}/${link}`, target(`${process}/${link}`), directories);
  const maps = `${process}/maps`;
  for (const [, file] of read(maps).matchAll(mappedFile)) yield* rootAt(maps, file!, directories);
  const environment = `${process}/environ`;
  const text = read(environment);
  const { storeDir, realStoreDir } = directories;
  for (const directory of new Set([storeDir, realStoreDir]))
    for (const path of pathsIn(text, directory)) yield* rootAt(environment, path, directories);
}

/** Address, permissions, offset, device and inode come before the path. */
const mappedFile = /^\S+ \S+ \S+ \S+ \S+ +(\/\S+)$/gm;

/** Every place where a text has the directory and the beginning of what could be a store path. */
function* pathsIn(text: string, directory: string): Generator<string, void, undefined> {
  const start = `${directory}/`;
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at + 1)) {
    // The longest store path, and one character more to see that it ends.
    const name = text.slice(at + start.length, at + start.length + 256);
    yield `${start}${/^[0-9a-zA-Z+\-._?=]*/.exec(name)![0]}`;
  }
}

function* rootAt(
  link: string,
  path: string,
  directories: StoreDirectories,
): Generator<Root, void, undefined> {
  const storePath = storePathAround(path, directories);
  if (storePath !== undefined) yield { link, path: storePath };
}

/**
 * Processes come and go, and those of others are nobody's business: what can never be read is empty. Throws the error of the
 * system for what cannot be read just now.
 */
function readOr<T>(nothing: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isNeverReadable(error)) return nothing;
    throw error;
  }
}

function list(directory: string): string[] {
  return readOr([], () => readdirSync(directory));
}

function read(file: string): string {
  return readOr('', () => decodeText(readFileSync(file)));
}

function target(link: string): string {
  return readOr('', () => decodeText(readlinkSync(link, 'buffer')));
}
