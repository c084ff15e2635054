import { hashBytes } from '../formats/hash.js';
import { makeTextPath } from '../formats/make-store-path.js';
import { printDerivation } from './aterm-print.js';
import type { Derivation } from './derivation.js';

/** The store path of the `.drv` file itself. Throws ERR_NAME for a name no path can have. */
export function derivationPath(storeDir: string, derivation: Derivation): string {
  return makeTextPath(storeDir, {
    name: `${derivation.name}.drv`,
    hash: hashBytes('sha256', printDerivation(derivation)),
    references: derivationReferences(derivation),
  });
}

/** Store paths the `.drv` file refers to: all sources and input derivations. */
export function derivationReferences(derivation: Pick<Derivation, 'inputDrvs' | 'inputSrcs'>): string[] {
  return [...new Set([...derivation.inputSrcs, ...derivation.inputDrvs.keys()])];
}
