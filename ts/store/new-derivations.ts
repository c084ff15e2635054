import { printDerivation } from '../derivation/aterm-print.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationPath } from '../derivation/derivation-path.js';
import { checkOutputPaths } from '../derivation/output-paths.js';
import type { TextToAdd } from './add-text.js';
import { missingReference } from './database.js';
import type { Derivations } from './derivations.js';
import { referencesFirst } from './graph.js';
import type { LocalStore } from './local-store.js';
import { addInBatches } from './text-batches.js';

/** Contents of `.drv` files that are about to be added, by path: their inputs are looked up here first. */
export type NewDerivations = ReadonlyMap<string, Uint8Array>;

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
 * `trusted` says that the paths in `fresh` have been computed from their contents. Throws ERR_DERIVATION_SYNTAX,
 * ERR_DERIVATION_INVALID, and ERR_PATH_INVALID for an input that is neither in the store nor in `fresh`.
 */
export function outputsToRegister(
  drvPath: string,
  fresh: NewDerivations,
  { derivations, trusted }: { readonly derivations: Derivations; readonly trusted: boolean },
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
    memo: trusted ? derivations.hashes : new Map(),
  });
  const outputs = new Map<string, string>();
  for (const [name, output] of derivation.outputs)
    if (output.kind === 'input-addressed' || output.kind === 'fixed') outputs.set(name, output.path);
  return outputs;
}
