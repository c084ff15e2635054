import { printDerivation } from '../derivation/aterm-print.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationPath } from '../derivation/derivation-path.js';
import type { HashMemo } from '../derivation/hash-modulo.js';
import { checkOutputPaths } from '../derivation/output-paths.js';
import { hashBytes } from '../formats/hash-bytes.js';
import { makeTextPath } from '../formats/make-store-path.js';
import type { TextToAdd } from './add-text.js';
import { missingReference } from './database.js';
import type { Derivations } from './derivations.js';
import { referencesFirst } from './graph.js';
import type { LocalStore } from './local-store.js';
import { addInBatches } from './text-batches.js';

/** Contents of `.drv` files that are about to be added, by path: their inputs are looked up here first. */
export type NewDerivations = Pick<ReadonlyMap<string, Uint8Array>, 'get'>;

/**
 * Adds the `.drv` files of derivations, those that others depend on first, and returns their paths in the order given.
 * Throws as `addTexts`; if what one refers to is missing, before any is written.
 */
export async function writeDerivations(
  derivations: readonly Derivation[],
  store: Pick<LocalStore, 'addTexts' | 'directories' | 'isValid'>,
): Promise<string[]> {
  const { storeDir } = store.directories;
  const paths = derivations.map((derivation) => derivationPath(storeDir, derivation));
  const byPath = new Map(paths.map((path, index) => [path, derivations[index]!]));
  for (const [path, { inputSrcs, inputDrvs }] of byPath) {
    for (const reference of [...inputSrcs, ...inputDrvs.keys()]) {
      if (!byPath.has(reference) && !store.isValid(reference)) throw missingReference(path, reference);
    }
  }
  const sorted = referencesFirst(byPath.keys(), (path) => byPath.get(path)!.inputDrvs.keys());
  await addInBatches(sorted, (path) => derivationText(byPath.get(path)!), store);
  return paths;
}

function derivationText(derivation: Derivation): TextToAdd {
  return {
    name: `${derivation.name}.drv`,
    contents: printDerivation(derivation),
    references: [...derivation.inputSrcs, ...derivation.inputDrvs.keys()],
  };
}

/**
 * The outputs of a `.drv` file to be added whose paths are known, by name, after a check that they are those it
 * must have: nobody shall claim the path of something else. No outputs for a path that is no derivation.
 *
 * `memo` is as `memoFor` says, or one for all of `fresh`. Throws ERR_DERIVATION_SYNTAX, ERR_DERIVATION_INVALID, and
 * ERR_PATH_INVALID for an input that is neither in the store nor in `fresh`.
 */
export function outputsToRegister(
  drvPath: string,
  fresh: NewDerivations,
  { derivations, memo }: { readonly derivations: Derivations; readonly memo: HashMemo },
): ReadonlyMap<string, string> {
  const contents = fresh.get(drvPath);
  if (contents === undefined) return new Map();
  const derivation = derivations.parse(drvPath, contents);
  checkOutputPaths(derivation, {
    storeDir: derivations.directories.storeDir,
    lookup: (path) => {
      const bytes = fresh.get(path);
      return bytes === undefined ? derivations.read(path) : derivations.parse(path, bytes);
    },
    memo,
  });
  const outputs = new Map<string, string>();
  for (const [name, output] of derivation.outputs)
    if (output.kind === 'input-addressed' || output.kind === 'fixed') outputs.set(name, output.path);
  return outputs;
}

/**
 * Hashes of derivations that may be kept beyond the ones in `fresh`: those of the store, if each of `fresh` has the path
 * that its contents give. Otherwise a path would stand for contents it does not have. Throws ERR_DERIVATION_SYNTAX.
 */
export function memoFor(fresh: ReadonlyMap<string, Uint8Array>, derivations: Derivations): HashMemo {
  const { storeDir } = derivations.directories;
  for (const [drvPath, contents] of fresh) {
    const { name, inputSrcs, inputDrvs } = derivations.parse(drvPath, contents);
    const references = [...new Set([...inputSrcs, ...inputDrvs.keys()])];
    const hash = hashBytes('sha256', contents);
    if (makeTextPath(storeDir, { name: `${name}.drv`, hash, references }) !== drvPath) return new Map();
  }
  return derivations.hashes;
}
