import { hashBytes } from '../formats/hash-bytes.js';
import { makeTextPath } from '../formats/make-store-path.js';
import { printDerivation } from './aterm-print.js';
import type { Derivation } from './derivation.js';

/** A `.drv` file as it lies in a store. */
export interface DerivationFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Store paths it refers to: all sources and input derivations. */
  readonly references: readonly string[];
}

/** The store path of the `.drv` file itself. Throws ERR_NAME for a name no path can have. */
export function derivationPath(storeDir: string, derivation: Derivation): string {
  return derivationFile(storeDir, derivation).path;
}

/** The same with all that is needed to write the file. */
export function derivationFile(storeDir: string, derivation: Derivation): DerivationFile {
  const bytes = printDerivation(derivation);
  const references = [...new Set([...derivation.inputSrcs, ...derivation.inputDrvs.keys()])];
  const hash = hashBytes('sha256', bytes);
  return {
    path: makeTextPath(storeDir, { name: `${derivation.name}.drv`, hash, references }),
    bytes,
    references,
  };
}
