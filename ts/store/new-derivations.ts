import { printDerivation } from '../derivation/aterm-print.js';
import type { Derivation } from '../derivation/derivation.js';
import { checkOutputPaths } from '../derivation/output-paths.js';
import type { TextToAdd } from './add-text.js';
import type { Derivations } from './derivations.js';

/** Contents of `.drv` files that are about to be added, by path: their inputs are looked up here first. */
export type NewDerivations = ReadonlyMap<string, Uint8Array>;

/** The `.drv` file of a derivation, as `addTexts` takes it. */
export function derivationText(derivation: Derivation): TextToAdd {
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
