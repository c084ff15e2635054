import { open } from 'node:fs/promises';
import { formatContentAddress } from '../formats/content-address.js';
import { hashBytes } from '../formats/hash-bytes.js';
import { makeTextPath } from '../formats/make-store-path.js';
import { dumpTree } from '../formats/nar/tree.js';
import { native } from '../native.js';
import { isDerivationName } from './derivations.js';
import { outputsToRegister } from './new-derivations.js';
import type { PathInfo } from './path-info.js';
import { type PlaceOptions, placeAndRegister } from './place.js';
import type { StoreParts } from './store-parts.js';

/** A text to be added: what `builtins.toFile` makes, or a `.drv` file. */
export interface TextToAdd {
  readonly name: string;
  readonly contents: Uint8Array;
  /** Full logical store paths, all valid or added along. */
  readonly references: readonly string[];
}

/**
 * Adds texts in one transaction; they may refer to one another in any order. Throws ERR_NAME, ERR_PATH_INVALID
 * (a reference is not valid), for `.drv` files that are no derivation ERR_DERIVATION_SYNTAX, and
 * ERR_DERIVATION_INVALID for one that states other output paths than it must have.
 */
export async function addTexts(
  parts: StoreParts,
  texts: readonly TextToAdd[],
  options: PlaceOptions = {},
): Promise<PathInfo[]> {
  const { derivations } = parts;
  const { storeDir } = parts.directories;
  const items = texts.map((text) => {
    const hash = hashBytes('sha256', text.contents);
    return {
      ...text,
      hash,
      path: makeTextPath(storeDir, { name: text.name, references: text.references, hash }),
    };
  });
  const fresh = new Map(
    items.filter(({ name }) => isDerivationName(name)).map(({ path, contents }) => [path, contents]),
  );
  return await placeAndRegister(parts, items, {
    ...options,
    place: async ({ path, contents, references, hash }, realPath) => {
      const outputs = outputsToRegister(path, fresh, { derivations, memo: derivations.hashes });
      await writeNewFile(realPath, contents);
      await native.canonicaliseTree(realPath);
      const nar = dumpTree({ type: 'regular', executable: false, contents });
      const info: PathInfo = {
        path,
        narHash: hashBytes('sha256', nar),
        narSize: nar.length,
        references,
        registrationTime: 0,
        ultimate: false,
        signatures: [],
        contentAddress: formatContentAddress({ method: 'text', hash }),
      };
      return { info, outputs };
    },
  });
}

async function writeNewFile(path: string, contents: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(contents);
  } finally {
    await handle.close();
  }
}
