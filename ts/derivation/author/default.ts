import { createEvaluator, type Evaluator } from './evaluator.js';

/**
 * The functions of one evaluator that everybody shares; its store directory is `NIX_STORE_DIR`, or `/nix/store`.
 * Made when first used, so that an odd variable hurts nobody who does not need it.
 */
export const derivation: Evaluator['derivation'] = (attributes) => shared().derivation(attributes);
export const source: Evaluator['source'] = (path, options) => shared().source(path, options);
export const toFile: Evaluator['toFile'] = (name, text) => shared().toFile(name, text);
export const storePath: Evaluator['storePath'] = (path) => shared().storePath(path);

let evaluator: Evaluator | undefined;

function shared(): Evaluator {
  evaluator ??= createEvaluator({ storeDir: process.env['NIX_STORE_DIR'] || '/nix/store' });
  return evaluator;
}
