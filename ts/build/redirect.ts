import type { Derivation } from '../derivation/derivation.js';
import { makeScratchPath } from '../formats/make-store-path.js';
import { outputPlaceholder } from '../formats/placeholder.js';
import { parseStorePath } from '../formats/store-path.js';
import type { HashRewrite } from '../native.js';
import { knownOutputs } from './plan.js';
import type { BuildRequest } from './records.js';

// A builder that works in place writes to the store itself, and what is valid there must stay as it is. As in Nix, it
// is told another path of the same length instead, wherever its own would stand; in what it makes, each of those other
// paths is replaced by the output's own. Only the hash parts differ.

/**
 * Where the builder writes its outputs, and what to replace in all it is told (`BuildRequest.rewrites`).
 * `occupied`: names of outputs with something at their paths that has to stay.
 */
export function redirectOutputs(
  { drvPath, derivation }: { readonly drvPath: string; readonly derivation: Derivation },
  storeDir: string,
  occupied: readonly string[],
): Pick<BuildRequest, 'outputs' | 'rewrites'> {
  const outputs = [...knownOutputs(derivation)].map(([name, path]) => ({
    name,
    scratchPath: occupied.includes(name) ? makeScratchPath(storeDir, { drvPath, path: path! }) : path!,
  }));
  const placeholders = outputs.map(
    ({ name, scratchPath }) => [outputPlaceholder(name), scratchPath] as const,
  );
  const hashParts = outputRewrites(derivation, { outputs }, storeDir).map(
    ([scratch, final]) => [final, scratch] as const,
  );
  return { outputs, rewrites: [...placeholders, ...hashParts] };
}

/** What to replace in the outputs of a request: the hash parts that the builder was told by those of the outputs. */
export function outputRewrites(
  derivation: Derivation,
  { outputs }: Pick<BuildRequest, 'outputs'>,
  storeDir: string,
): HashRewrite[] {
  const paths = knownOutputs(derivation);
  const hashPart = (path: string) => parseStorePath(storeDir, path).hashPart;
  return outputs
    .map(({ name, scratchPath }) => [hashPart(scratchPath), hashPart(paths.get(name)!)] as const)
    .filter(([scratch, final]) => scratch !== final);
}
