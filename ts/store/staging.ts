import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNixBase32 } from '../formats/nixbase32.js';
import { native } from '../native.js';
import type { StoreParts } from './store-parts.js';

/** A private directory on the store's file system, where things are made before they are moved into place. */
export interface Staging {
  readonly directory: string;
  /** Removes it with all that is still in it. */
  close(): Promise<void>;
}

/**
 * Makes `<real store>/<random hash part>-staging-<n>`, mode 0700.
 *
 * Collectors go by the hash part: one that is a temporary root protects every entry that begins with it, and what
 * a killed process leaves behind is garbage. (Nix names such directories `tmp-…`, which collectors up to 2.8 delete
 * under the hands of whoever works in them.)
 */
export async function createStaging({
  directories,
  tempRoots,
}: Pick<StoreParts, 'directories' | 'tempRoots'>): Promise<Staging> {
  await tempRoots.add([`${directories.storeDir}/${hashPart}-staging`]);
  const directory = join(directories.realStoreDir, `${hashPart}-staging-${counter++}`);
  mkdirSync(directory, { mode: 0o700 });
  return {
    directory,
    close: async () => {
      await native.removeTree(directory);
    },
  };
}

/** Of this process alone: 160 bits by chance. */
const hashPart = encodeNixBase32(randomBytes(20));
let counter = 0;
