import { type Dirent, lstatSync, opendirSync, readlinkSync, unlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { decodeText, encodeText } from '../../base/text.js';
import { isStorePath } from '../../formats/store-path.js';
import type { StoreDirectories } from '../directories.js';
import { isNeverReadable } from './never-readable.js';
import type { Root } from './records.js';

export interface RootLinkOptions {
  /** Remove links in `gcroots/auto` whose own target is gone. */
  readonly removeStale: boolean;
  readonly onNote: (message: string) => void;
}

/** What a link or file says to keep, whether valid or not. */
export interface RootCandidate extends Root {
  /** A link names it: that it is not valid is worth a note. */
  readonly named: boolean;
}

/**
 * What is to be kept by the files below `gcroots` and `profiles`, as Nix 2.8 reads them: symlinks into the store, or to
 * something below a store path; symlinks to such a symlink, one step and no more; regular files that are called like a
 * store path. Symlinks to directories are not followed, so there are no loops. What nobody, or not we, may read is a note;
 * throws the error of the system for what cannot be read just now.
 *
 * Beyond Nix, a link to where the store really lies counts as well.
 */
export function* readRootLinks(
  directories: StoreDirectories,
  options: RootLinkOptions,
): Generator<RootCandidate, void, undefined> {
  const { stateDir } = directories;
  for (const top of ['gcroots', 'profiles']) {
    const pending = [join(stateDir, top)];
    for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
      for (const entry of entriesOf(directory, options)) {
        const name = entry.name as unknown as Buffer;
        if (entry.isFile()) {
          const path = `${directories.storeDir}/${name.toString('latin1')}`;
          if (!isStorePath(directories.storeDir, path)) continue;
          yield { link: `${directory}/${name.toString('latin1')}`, path, named: false };
        } else if (entry.isDirectory()) {
          pending.push(`${directory}/${decodeText(name)}`);
        } else if (entry.isSymbolicLink()) {
          const root = readLink(`${directory}/${decodeText(name)}`, directories, options);
          if (root) yield root;
        }
      }
    }
  }
}

/** The entries of a directory as they are read; none of one that cannot be read. */
function* entriesOf(directory: string, { onNote }: RootLinkOptions): Generator<Dirent, void, undefined> {
  let reader: ReturnType<typeof opendirSync>;
  try {
    reader = opendirSync(encodeText(directory) as unknown as string, {
      encoding: 'buffer' as never,
      bufferSize: 1024,
    });
  } catch (error) {
    return onNote(unreadable(directory, error));
  }
  try {
    for (let entry = reader.readSync(); entry; entry = reader.readSync()) yield entry;
  } finally {
    reader.closeSync();
  }
}

function readLink(
  link: string,
  directories: StoreDirectories,
  { removeStale, onNote }: RootLinkOptions,
): RootCandidate | undefined {
  try {
    const target = targetOf(link);
    if (isInStore(target, directories)) return candidate(link, target, directories);
    const indirect = resolve(dirname(link), target);
    const there = lstatSync(encodeText(indirect), { throwIfNoEntry: false });
    if (!there) {
      if (!removeStale || !link.startsWith(`${directories.stateDir}/gcroots/auto/`)) return undefined;
      onNote(`removing stale link from '${link}' to '${indirect}'`);
      unlinkSync(encodeText(link));
      return undefined;
    }
    if (!there.isSymbolicLink()) return undefined;
    const second = targetOf(indirect);
    return isInStore(second, directories) ? candidate(indirect, second, directories) : undefined;
  } catch (error) {
    onNote(unreadable(link, error));
    return undefined;
  }
}

function targetOf(link: string): string {
  return decodeText(readlinkSync(encodeText(link), 'buffer'));
}

/** Whether a path lies in the store, by either name of it. */
function isInStore(path: string, { storeDir, realStoreDir }: StoreDirectories): boolean {
  return path.startsWith(`${storeDir}/`) || path.startsWith(`${realStoreDir}/`);
}

function candidate(link: string, target: string, directories: StoreDirectories): RootCandidate | undefined {
  const path = storePathAround(target, directories);
  return path === undefined ? undefined : { link, path, named: true };
}

/** The store path that a path of the host names or lies in; undefined for what cannot be one. */
export function storePathAround(
  path: string,
  { storeDir, realStoreDir }: StoreDirectories,
): string | undefined {
  const directory = [storeDir, realStoreDir].find((one) => path.startsWith(`${one}/`));
  if (directory === undefined) return undefined;
  const end = path.indexOf('/', directory.length + 1);
  const base = path.slice(directory.length + 1, end < 0 ? undefined : end);
  const storePath = `${storeDir}/${base}`;
  return isStorePath(storeDir, storePath) ? storePath : undefined;
}

/** The note on what can never be read. Throws any other error: what it hides may be a root, and would be deleted. */
function unreadable(path: string, error: unknown): string {
  if (!isNeverReadable(error)) throw error;
  return `cannot read potential root '${path}' (${(error as NodeJS.ErrnoException).code})`;
}
