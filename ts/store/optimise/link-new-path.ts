import type { StoreParts } from '../store-parts.js';
import { type LinkPathsOptions, linkPaths } from './link-paths.js';

/**
 * Nix's `auto-optimise-store`: replaces files of a path that is in place and about to be registered, whose lock is held.
 * Throws what kept it from being worked through, as Nix does: whoever turns the setting on wants to hear of it.
 */
export async function linkNewPath(
  parts: Pick<StoreParts, 'directories'>,
  path: string,
  options: LinkPathsOptions,
): Promise<void> {
  const { failures } = await linkPaths(parts, [path.slice(parts.directories.storeDir.length + 1)], options);
  for (const failure of failures) throw failure;
}
