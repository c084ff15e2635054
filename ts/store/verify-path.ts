import { lstatSync } from 'node:fs';
import { constants } from 'node:os';
import type { Hash } from '../formats/hash.js';
import { type CancelOptions, native, type TreeHash } from '../native.js';
import { invalidPath } from './database.js';
import { realPathOf, type StoreParts } from './store-parts.js';

/** What has become of the contents of a valid path. */
export type PathCondition =
  | { readonly kind: 'good' }
  | { readonly kind: 'missing' }
  /** `expected` is what the database says. */
  | { readonly kind: 'modified'; readonly expected: Hash; readonly actual: Hash }
  /** It holds what no archive can, or what cannot be read; `why` is the name of the errno. */
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * Reads all of a valid path and compares it with what is registered. As in Nix, only what an archive holds counts:
 * names, contents, the x bit of files and the targets of symlinks. A path registered with no hash (all zeros, as
 * stores of Nix before 0.11 have it) is good if it exists.
 *
 * Throws ERR_PATH_INVALID, and the reason of an aborted signal.
 */
export async function verifyPath(
  parts: Pick<StoreParts, 'database' | 'directories' | 'caseHack'>,
  path: string,
  { signal }: CancelOptions = {},
): Promise<PathCondition> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await verifyOnce(parts, path, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (signal?.aborted || attempt === mostReplacements || (code !== 'ENOENT' && code !== 'EBUSY'))
        throw error;
    }
  }
}

/** How often a path may be replaced under our hands, by another process that repairs it, before that is an error. */
const mostReplacements = 5;

async function verifyOnce(
  parts: Pick<StoreParts, 'database' | 'directories' | 'caseHack'>,
  path: string,
  signal: AbortSignal | undefined,
): Promise<PathCondition> {
  const realPath = realPathOf(parts.directories, path);
  const { caseHack } = parts;
  const registered = parts.database.pathInfo(path);
  if (!registered) throw invalidPath(path);
  const { narHash: expected } = registered;
  let found: TreeHash;
  try {
    if (!lstatSync(realPath, { throwIfNoEntry: false })) return { kind: 'missing' };
    if (/^0+$/.test(expected.hex)) return { kind: 'good' };
    found = await native.hashTree(realPath, [], { signal, caseHack });
  } catch (error) {
    const why = errorName(error as NodeJS.ErrnoException);
    if (!signal?.aborted && signsOfDamage.has(why)) return { kind: 'unreadable', why };
    throw error;
  }
  if (found.hash === expected.hex) return { kind: 'good' };
  return { kind: 'modified', expected, actual: { algorithm: 'sha256', hex: found.hash } };
}

/** What reading a tree fails with when the fault lies in the tree: a healthy one of ours can be read by us. */
const signsOfDamage = new Set([
  'EACCES',
  'EBADMSG',
  'EEXIST',
  'EFTYPE',
  'EINVAL',
  'EIO',
  'ELOOP',
  'ENAMETOOLONG',
  'EUCLEAN',
]);

/** Node and libuv have no name for these two, with which file systems of Linux answer where they find themselves damaged. */
function errorName({ code = '', errno }: NodeJS.ErrnoException): string {
  if (process.platform !== 'linux') return code;
  if (errno === -constants.errno.EBADMSG) return 'EBADMSG';
  return errno === -117 ? 'EUCLEAN' : code;
}
