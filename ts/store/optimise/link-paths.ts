import { type LinkInodes, type LinkNotice, native } from '../../native.js';
import type { StoreParts } from '../store-parts.js';

export interface LinkPathsOptions {
  /** Files with these inodes are linked already, and passed over. Without it every file is looked at. */
  readonly known?: LinkInodes | undefined;
  /** Compare links with what they are called before anything is replaced by one. */
  readonly checkLinks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What came of linking. */
export interface LinkedPaths {
  readonly filesLinked: number;
  /** Sizes of the files that were replaced. */
  readonly bytesFreed: number;
  /** What people should know, in the words of Nix. */
  readonly warnings: readonly string[];
  /** Paths that could not be worked through, or only in part. */
  readonly failures: readonly NodeJS.ErrnoException[];
}

/**
 * Replaces files of paths by hard links into `.links`. `bases` are the last components of store paths; they must be
 * protected from collectors.
 */
export async function linkPaths(
  { directories }: Pick<StoreParts, 'directories'>,
  bases: readonly string[],
  { known, checkLinks = false, signal }: LinkPathsOptions = {},
): Promise<LinkedPaths> {
  const spareApplications = process.platform === 'darwin';
  const options = { known, checkLinks, spareApplications, signal };
  const { notices, ...linked } = await native.linkTrees(directories.realStoreDir, bases, options);
  return { ...linked, warnings: notices.map(describeNotice) };
}

function describeNotice({ kind, path }: LinkNotice): string {
  switch (kind) {
    case 'writable':
      return `skipping suspicious writable file '${path}'`;
    case 'corrupt':
      return `removing corrupted link '${path}'\nThere may be more corrupted paths.\nYou should run \`airplant verify --check-contents --repair\` to fix them all`;
    case 'full':
      return `cannot make the link '${path}': its directory is full`;
    case 'many':
      return `'${path}' has maximum number of links`;
  }
}
