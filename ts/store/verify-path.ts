import { lstatSync } from 'node:fs';
import { constants } from 'node:os';
import { formatHash, type Hash } from '../formats/hash.js';
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

/** The same, and what was found where all of it has been read. */
export interface ExaminedPath {
  readonly condition: PathCondition;
  readonly found?: { readonly narHash: Hash; readonly narSize: number };
}

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
  return (await examinePath(parts, path, { signal, unhashed: 'trust' })).condition;
}

/** The same; a path registered with no hash is read as well if `unhashed` says so. */
export async function examinePath(
  parts: Pick<StoreParts, 'database' | 'directories' | 'caseHack'>,
  path: string,
  { signal, unhashed }: CancelOptions & { readonly unhashed: 'trust' | 'read' },
): Promise<ExaminedPath> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await examineOnce(parts, path, { signal, unhashed });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (signal?.aborted || attempt === mostReplacements || (code !== 'ENOENT' && code !== 'EBUSY'))
        throw error;
    }
  }
}

/** How often a path may be replaced under our hands, by another process that repairs it, before that is an error. */
const mostReplacements = 5;

async function examineOnce(
  parts: Pick<StoreParts, 'database' | 'directories' | 'caseHack'>,
  path: string,
  { signal, unhashed }: CancelOptions & { readonly unhashed: 'trust' | 'read' },
): Promise<ExaminedPath> {
  const realPath = realPathOf(parts.directories, path);
  const { caseHack } = parts;
  const registered = parts.database.pathInfo(path);
  if (!registered) throw invalidPath(path);
  const { narHash: expected } = registered;
  let found: TreeHash;
  try {
    if (!lstatSync(realPath, { throwIfNoEntry: false })) return { condition: { kind: 'missing' } };
    if (isUnhashed(expected) && unhashed === 'trust') return { condition: { kind: 'good' } };
    found = await native.hashTree(realPath, [], { signal, caseHack });
  } catch (error) {
    const why = errorName(error as NodeJS.ErrnoException);
    if (!signal?.aborted && signsOfDamage.has(why)) return { condition: { kind: 'unreadable', why } };
    throw error;
  }
  const narHash: Hash = { algorithm: 'sha256', hex: found.hash };
  const isGood = found.hash === expected.hex || isUnhashed(expected);
  return {
    condition: isGood ? { kind: 'good' } : { kind: 'modified', expected, actual: narHash },
    found: { narHash, narSize: found.narSize },
  };
}

/** Stores of Nix before 0.11 have such. */
export function isUnhashed({ hex }: Hash): boolean {
  return /^0+$/.test(hex);
}

/** What has become of a damaged path, in the words of Nix where it has any. */
export function describeCondition(path: string, condition: Exclude<PathCondition, { kind: 'good' }>): string {
  switch (condition.kind) {
    case 'missing':
      return `path '${path}' disappeared`;
    case 'modified': {
      const { expected, actual } = condition;
      return `path '${path}' was modified! expected hash '${formatHash(expected, 'base32')}', got '${formatHash(actual, 'base32')}'`;
    }
    case 'unreadable':
      return `path '${path}' was modified! it cannot be read (${condition.why})`;
  }
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
