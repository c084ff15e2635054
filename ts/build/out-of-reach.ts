import { join } from 'node:path';
import { makeDirectory } from '../base/make-directory.js';
import { native } from '../native.js';
import type { BuildRequest } from './records.js';

/**
 * Whether somebody outside can have got hold of what a builder wrote: descriptors go over sockets, and mappings last as long
 * as the file. Sockets are to be had on the host's network (abstract ones also where those outside cannot be connected to),
 * in host paths that may be written to, and by whoever works on the host itself. Networks of a build's own carry none, but
 * what helps to connect them is a program of the host's.
 */
export function isWithinReach({
  network,
  hostPaths,
  inPlace,
}: Pick<BuildRequest, 'network' | 'hostPaths' | 'inPlace'>): boolean {
  return network !== 'none' || inPlace === true || hostPaths.some(({ readOnly }) => !readOnly);
}

/**
 * Copies an output, already canonical, to new files, which are to be hashed and registered in its place: whoever still holds
 * a descriptor of what the builder wrote (CVE-2024-27297) changes nothing then. The copy goes where no builder could have put a
 * symlink in its way (CVE-2026-39860).
 *
 * Returns where it lies. Throws what `native.copyTree` and `native.canonicaliseTree` throw.
 */
export async function copyOutOfReach(
  source: string,
  name: string,
  { privateDirectory, signal }: { readonly privateDirectory: string; readonly signal: AbortSignal },
): Promise<string> {
  const copy = join(privateDirectory, name);
  makeDirectory(privateDirectory, 0o700);
  await native.copyTree(source, copy, { signal });
  await native.canonicaliseTree(copy, { signal });
  return copy;
}
