import { join } from 'node:path';
import { native } from '../native.js';
import { checkPathInfo } from './check-path-info.js';
import { isDerivationName } from './derivations.js';
import { memoFor, outputsToRegister } from './new-derivations.js';
import type { PathInfo } from './path-info.js';
import { type PlaceOptions, placeAndRegister } from './place.js';
import { readDerivationFile } from './read-derivation-file.js';
import { createStaging } from './staging.js';
import type { StoreParts } from './store-parts.js';

/**
 * Adds a path of which everything is known but the contents. `make` puts those at a path that does not exist yet, in a
 * private directory: canonical, and found to be what `info` says, or it throws. It is not called for what is valid
 * already. Throws what it throws, ERR_PATH_INVALID (a reference is not valid), ERR_DERIVATION_SYNTAX and
 * ERR_DERIVATION_INVALID.
 */
export async function addMade(
  parts: StoreParts,
  info: PathInfo,
  options: PlaceOptions & { make(destination: string): Promise<void> },
): Promise<PathInfo> {
  checkPathInfo(parts.directories.storeDir, info);
  const [added] = await placeAndRegister(parts, [info], {
    ...options,
    place: async ({ path }, realPath) => {
      const staging = await createStaging(parts);
      try {
        const copy = join(staging.directory, 'x');
        await options.make(copy);
        const fresh = new Map(isDerivationName(path) ? [[path, readDerivationFile(path, copy)]] : []);
        const { derivations } = parts;
        const outputs = outputsToRegister(path, fresh, { derivations, memo: memoFor(fresh, derivations) });
        native.moveTree(copy, realPath, 'no-replace');
        return { info, outputs };
      } finally {
        await staging.close();
      }
    },
  });
  return added!;
}
