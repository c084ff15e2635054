import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { hashBytes } from '../formats/hash-bytes.js';
import { printForHash } from './aterm-print.js';
import type { Derivation, DerivationLookup, InputOutputs } from './derivation.js';
import { derivationKind } from './kind.js';
import { printMethodAlgorithm } from './method-algorithm.js';

/**
 * What a derivation hashes to once it no longer matters how its fixed outputs are fetched.
 * `known`: output paths follow from it. `deferred`: some input, however far, is content-addressed without a known
 * hash, impure or dynamic; the paths are known after resolution only.
 */
export interface HashModulo {
  readonly kind: 'known' | 'deferred';
  /** SHA-256 in hex by output name; the same for all outputs unless fixed. Undefined with dynamic inputs. */
  readonly hashes: ReadonlyMap<string, string> | undefined;
}

/** Hashes of derivations used as inputs, by drvPath. Share it between calls that share the `lookup`. */
export type HashMemo = Map<string, HashModulo>;

export interface HashContext {
  readonly lookup: DerivationLookup;
  readonly memo?: HashMemo;
}

/**
 * `hashDerivationModulo` of Nix. With `maskOutputs` (what output paths and realisations are named by) the
 * derivation's own output paths count as empty; without, it is the hash others use for it as an input.
 *
 * Calls `lookup` for each (transitive) input once, in no more stack than one call whatever the depth.
 * Throws what `lookup` throws, and ERR_DERIVATION_INVALID for a cycle, for mixed output kinds and for an output
 * an input does not have.
 */
export function hashDerivationModulo(
  derivation: Derivation,
  context: HashContext & { readonly maskOutputs: boolean },
): HashModulo {
  const memo = context.memo ?? new Map();
  for (const drvPath of hashedInputs(derivation)) hashInputs(drvPath, context.lookup, memo);
  return hashOne(derivation, memo, context.maskOutputs);
}

/** Fills the memo for `root` and everything below it, inputs first. */
function hashInputs(root: string, lookup: DerivationLookup, memo: HashMemo): void {
  const open: { drvPath: string; derivation: Derivation; inputs: Iterator<string> }[] = [];
  const onPath = new Set<string>();
  const enter = (drvPath: string) => {
    if (memo.has(drvPath)) return;
    if (onPath.has(drvPath)) {
      throw new AirplantError('ERR_DERIVATION_INVALID', `derivation ${drvPath} is an input of itself`, {
        details: { drvPath },
      });
    }
    const derivation = lookup(drvPath);
    onPath.add(drvPath);
    open.push({ drvPath, derivation, inputs: hashedInputs(derivation) });
  };

  enter(root);
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const next = top.inputs.next();
    if (!next.done) {
      enter(next.value);
    } else {
      memo.set(top.drvPath, hashOne(top.derivation, memo, false));
      onPath.delete(top.drvPath);
      open.pop();
    }
  }
}

/** The inputs that take part in the hash; how fixed and impure outputs are made does not. */
function hashedInputs(derivation: Derivation): IterableIterator<string> {
  const kind = derivationKind(derivation);
  return kind === 'fixed' || kind === 'impure' ? [].values() : derivation.inputDrvs.keys();
}

/** The hash of one derivation whose inputs are all in the memo. */
function hashOne(derivation: Derivation, memo: HashMemo, maskOutputs: boolean): HashModulo {
  const kind = derivationKind(derivation);
  if (kind === 'fixed') return { kind: 'known', hashes: fixedHashes(derivation) };
  if (kind === 'impure') return { kind: 'deferred', hashes: sameForAll(derivation, impureHash) };

  let deferred = kind === 'floating';
  const inputs = new Map<string, string[]>();
  for (const [drvPath, used] of derivation.inputDrvs) {
    const input = memo.get(drvPath)!;
    deferred ||= input.kind === 'deferred';
    if (used.dynamic.size > 0 || !input.hashes) return { kind: 'deferred', hashes: undefined };
    for (const [hash, outputName] of usedHashes(derivation, drvPath, used, input.hashes)) {
      const names = inputs.get(hash);
      if (names) names.push(outputName);
      else inputs.set(hash, [outputName]);
    }
  }
  const hash = hashBytes('sha256', printForHash(derivation, { inputs, maskOutputs })).hex;
  return { kind: deferred ? 'deferred' : 'known', hashes: sameForAll(derivation, hash) };
}

function fixedHashes(derivation: Derivation): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [outputName, output] of derivation.outputs) {
    if (output.kind !== 'fixed') continue;
    const how = printMethodAlgorithm(output.method, output.hash.algorithm);
    const text = `fixed:out:${how}:${output.hash.hex}:${output.path}`;
    hashes.set(outputName, hashBytes('sha256', text).hex);
  }
  return hashes;
}

function* usedHashes(
  derivation: Derivation,
  drvPath: string,
  used: InputOutputs,
  hashes: ReadonlyMap<string, string>,
): Generator<[hash: string, outputName: string]> {
  for (const outputName of used.outputs) {
    const hash = hashes.get(outputName);
    if (hash === undefined) {
      throw new AirplantError(
        'ERR_DERIVATION_INVALID',
        `derivation ${derivation.name} uses the output ${quote(outputName)} of ${drvPath}, which has no such output`,
        { details: { name: derivation.name, drvPath, outputName } },
      );
    }
    yield [hash, outputName];
  }
}

function sameForAll(derivation: Derivation, hash: string): Map<string, string> {
  return new Map([...derivation.outputs.keys()].map((outputName) => [outputName, hash]));
}

/** Nothing can be said of an impure output beforehand; Nix names all of them alike. */
const impureHash = hashBytes('sha256', 'impure').hex;
