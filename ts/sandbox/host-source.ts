import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

/** The two names of a store directory. */
export interface StoreNames {
  /** Logical store directory, `/nix/store`. */
  readonly storeDir: string;
  /** Where it lies on the host. */
  readonly realStoreDir: string;
}

/** What a source turned out to be once all symlinks in it were followed. */
export type HostSource =
  | {
      readonly kind: 'found';
      /** Where it lies on the host, without symlinks. */
      readonly path: string;
      readonly stats: Stats;
      /** Its logical path, where it lies in the store. */
      readonly storePath?: string;
      /** Store paths that were gone through, as base names; the first is the one that was named. */
      readonly stores: readonly string[];
      /** Where the symlinks lie that were followed. */
      readonly links: readonly string[];
    }
  | { readonly kind: 'missing' }
  | { readonly kind: 'loop' }
  | { readonly kind: 'refused'; readonly errno: string };

/** What is asked of the file system; throws as `fs` does. */
export interface LinkReader {
  /** Undefined for what does not exist. */
  stats(path: string): Stats | undefined;
  readLink(path: string): string;
}

/**
 * Follows the symlinks in an absolute path without `..`. Unlike realpath(3) it knows that the store may lie elsewhere
 * than its paths say: `/nix/store/…`, named or reached by a symlink such as `result`, is looked up where the store
 * really is, and a path below there is known for the store path it is.
 */
export function findHostSource(path: string, store: StoreNames, links: LinkReader = hostLinks): HostSource {
  const pending = path.split('/').filter(Boolean);
  const stores: string[] = [];
  const followed: string[] = [];
  // Logical inside the store, physical elsewhere.
  let current = '';
  let stats: Stats | undefined;
  try {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      if (next === '..') {
        current = current === '' ? '' : dirname(current).replace(/^\/$/, '');
        continue;
      }
      const place = logical(`${current}/${next}`, store);
      const real = physical(place, store);
      stats = links.stats(real);
      if (!stats) return { kind: 'missing' };
      const base = baseName(place, store);
      if (base !== undefined && !stores.includes(base)) stores.push(base);
      if (!stats.isSymbolicLink()) {
        current = place;
        continue;
      }
      if (followed.length >= maxLinks) return { kind: 'loop' };
      followed.push(real);
      const target = links.readLink(real);
      if (target.startsWith('/')) current = '';
      pending.unshift(...target.split('/').filter((component) => component !== '' && component !== '.'));
    }
    const real = physical(current, store) || '/';
    const inStore = baseName(current, store) !== undefined;
    stats = links.stats(real);
    if (!stats) return { kind: 'missing' };
    const found = { kind: 'found', path: real, stats, stores, links: followed } as const;
    return inStore ? { ...found, storePath: current } : found;
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? String(error);
    if (errno === 'ENOTDIR') return { kind: 'missing' };
    return errno === 'ELOOP' ? { kind: 'loop' } : { kind: 'refused', errno };
  }
}

/** As the kernel has it. */
const maxLinks = 40;

const hostLinks: LinkReader = {
  stats: (path) => lstatSync(path, { throwIfNoEntry: false }),
  readLink: (path) => readlinkSync(path),
};

function logical(path: string, { storeDir, realStoreDir }: StoreNames): string {
  return path.startsWith(`${realStoreDir}/`) ? storeDir + path.slice(realStoreDir.length) : path;
}

function physical(path: string, { storeDir, realStoreDir }: StoreNames): string {
  return path.startsWith(`${storeDir}/`) ? realStoreDir + path.slice(storeDir.length) : path;
}

/** The base name of the store path that a logical path lies in. */
function baseName(path: string, { storeDir }: StoreNames): string | undefined {
  return path.startsWith(`${storeDir}/`) ? path.slice(storeDir.length + 1).split('/', 1)[0] : undefined;
}
