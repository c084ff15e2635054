import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { parseStorePathBase } from '../formats/store-path.js';
import type { StoreDirectories } from '../store/directories.js';

/** A place in the store: the store path, and what comes below it (`/bin/hello`, or empty). */
export interface StoreOperand {
  readonly storePath: string;
  readonly below: string;
}

/**
 * What a path on the command line means in a store. It may be a store path, a file below one, the same by its
 * physical place, or a symlink such as `result`, also one that dangles because the store is not at its logical place.
 *
 * Throws ERR_STORE_PATH for a path outside of the store and for what cannot be a store path.
 */
export function resolveStoreOperand(
  text: string,
  place: { readonly cwd: string; readonly directories: StoreDirectories },
): StoreOperand {
  const found = tryStoreOperand(text, place);
  if (found) return found;
  const { storeDir } = place.directories;
  const exists = lstatSync(resolve(place.cwd, text), { throwIfNoEntry: false }) !== undefined;
  throw new AirplantError(
    'ERR_STORE_PATH',
    `path ${quote(text)} is not in the store directory ${storeDir}${exists ? '' : ', nor does it exist'}`,
  );
}

/** The store path of a derivation. Throws ERR_STORE_PATH for anything else. */
export function derivationOperand(
  text: string,
  place: { readonly cwd: string; readonly directories: StoreDirectories },
): string {
  const { storePath, below } = resolveStoreOperand(text, place);
  if (storePath.endsWith('.drv') && below === '') return storePath;
  throw new AirplantError('ERR_STORE_PATH', `path ${quote(text)} is not a derivation`, {
    hint: 'Name its .drv file.',
  });
}

/** As `resolveStoreOperand`, but undefined for a path that leads elsewhere. */
export function tryStoreOperand(
  text: string,
  { cwd, directories }: { readonly cwd: string; readonly directories: StoreDirectories },
): StoreOperand | undefined {
  const { storeDir, realStoreDir } = directories;
  let path = resolve(cwd, text);
  for (let hops = 0; hops < mostSymlinks; hops++) {
    const inside = relativeTo(storeDir, path) ?? relativeTo(realStoreDir, path);
    if (inside !== undefined) return splitOperand(storeDir, inside);
    const next = followFirstSymlink(path);
    if (next === undefined) return undefined;
    path = next;
  }
  return undefined;
}

/**
 * Where a path is to be read on this machine: the path itself if it exists, otherwise its physical place in the store,
 * also behind symlinks that dangle because the store is not at its logical place. Undefined if there is neither.
 * `exists` decides whether a symlink in the last place counts, or what it leads to.
 */
export function findPhysicalPath(
  text: string,
  { cwd, directories }: { readonly cwd: string; readonly directories: StoreDirectories },
  exists: (path: string) => boolean,
): string | undefined {
  const { storeDir, realStoreDir } = directories;
  let path: string | undefined = resolve(cwd, text);
  for (let hops = 0; path !== undefined && hops < mostSymlinks; hops++) {
    if (exists(path)) return path;
    const inside = relativeTo(storeDir, path);
    const physical: string = inside === undefined ? path : join(realStoreDir, inside);
    path = physical === path ? followFirstSymlink(path) : physical;
  }
  return undefined;
}

/** As many as Linux follows. */
const mostSymlinks = 40;

function relativeTo(directory: string, path: string): string | undefined {
  return path.startsWith(`${directory}${sep}`) ? path.slice(directory.length + 1) : undefined;
}

function splitOperand(storeDir: string, inside: string): StoreOperand {
  const slash = inside.indexOf('/');
  const base = slash < 0 ? inside : inside.slice(0, slash);
  return {
    storePath: parseStorePathBase(storeDir, base).path,
    below: slash < 0 ? '' : inside.slice(slash),
  };
}

/** The path after replacing its first component that is a symlink; undefined if none is. */
function followFirstSymlink(path: string): string | undefined {
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const prefix = end < 0 ? path : path.slice(0, end);
    const target = readSymlink(prefix);
    if (target !== undefined) {
      const rest = end < 0 ? '' : path.slice(end);
      return join(isAbsolute(target) ? target : resolve(dirname(prefix), target), rest);
    }
    if (end < 0) return undefined;
  }
}

function readSymlink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
