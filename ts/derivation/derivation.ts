import type { ContentMethod, Hash, HashAlgorithm } from '../formats/hash.js';

/**
 * A derivation as data: what to run, on what, for which outputs.
 *
 * All strings are bytes as `base/text.ts` decodes them. Store paths are full logical paths
 * (`/nix/store/<hash>-<name>`). Maps are ordered as Nix writes them: by bytes of the key.
 * Structured attributes stay in `env` under `__json`, exactly as the ATerm has them, so that the text can be
 * written back byte for byte; `derivation/options.ts` decodes them.
 */
export interface Derivation {
  /** Name of the derivation without `.drv`. */
  readonly name: string;
  readonly outputs: ReadonlyMap<string, DerivationOutput>;
  /** Derivations whose outputs are inputs. */
  readonly inputDrvs: ReadonlyMap<string, InputOutputs>;
  readonly inputSrcs: readonly string[];
  /** Platform such as `x86_64-linux`, or `builtin`. */
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
}

/** Which outputs of an input derivation are used; `dynamic` is the child map of dynamic derivations. */
export interface InputOutputs {
  readonly outputs: readonly string[];
  readonly dynamic: ReadonlyMap<string, InputOutputs>;
}

/** Outputs of an input, which may be shared with other inputs: nearly all are of one kind, and there are many. */
export function inputOutputs(outputs: readonly string[]): InputOutputs {
  return outputs.length === 1 && outputs[0] === 'out' ? outAlone : { outputs, dynamic: notDynamic };
}

const notDynamic: ReadonlyMap<string, InputOutputs> = new Map();
const outAlone: InputOutputs = { outputs: ['out'], dynamic: notDynamic };

export type DerivationOutput =
  | { readonly kind: 'input-addressed'; readonly path: string }
  | { readonly kind: 'fixed'; readonly path: string; readonly method: ContentMethod; readonly hash: Hash }
  | { readonly kind: 'floating'; readonly method: ContentMethod; readonly algorithm: HashAlgorithm }
  | { readonly kind: 'deferred' }
  | { readonly kind: 'impure'; readonly method: ContentMethod; readonly algorithm: HashAlgorithm };

/** How deep dynamic inputs (an output of an output of … a derivation) may nest. Nix sets no limit; people use 1. */
export const maxDynamicDepth = 32;

/** Finds a derivation by its store path; throws when there is none. */
export type DerivationLookup = (drvPath: string) => Derivation;
