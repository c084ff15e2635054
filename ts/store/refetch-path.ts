import { join } from 'node:path';
import { checkFetched, type PathToFetch } from './fetch-path.js';
import { PathLocks } from './locks.js';
import type { PlaceOptions } from './place.js';
import { type KeptContents, replacePaths } from './replace-paths.js';
import { createStaging } from './staging.js';
import { realPathOf, type StoreParts } from './store-parts.js';
import { verifyPath } from './verify-path.js';

/**
 * Replaces the contents of a valid path by what `fetch` brings, after checking that it is what `info` says; that
 * is what is registered then. A path whose contents are good, because somebody else has repaired it meanwhile, stays
 * as it is. Throws as `checkFetched` and `replacePaths`, and what `fetch` throws.
 */
export async function refetchPath(
  parts: StoreParts,
  { info, fetch }: PathToFetch,
  options: PlaceOptions = {},
): Promise<KeptContents[]> {
  const { path } = info;
  const { signal } = options;
  await parts.tempRoots.add([path], signal);
  const locks = await PathLocks.take([realPathOf(parts.directories, path)], options);
  let done = false;
  try {
    let kept: KeptContents[] = [];
    if ((await verifyPath(parts, path, { signal })).kind !== 'good') {
      const staging = await createStaging(parts);
      try {
        const source = join(staging.directory, 'x');
        await fetch(source);
        await checkFetched(parts, info, source, { signal });
        kept = await replacePaths(parts, [{ registration: { info }, source }], {
          ...options,
          heldLocks: locks,
        });
        parts.derivations.forget(path);
      } finally {
        await staging.close();
      }
    }
    done = true;
    return kept;
  } finally {
    locks.release({ delete: done });
  }
}
