import { compressHash, digestBytes } from './hash.js';
import { hashBytes } from './hash-bytes.js';
import { decodeNixBase32, encodeNixBase32 } from './nixbase32.js';

/**
 * Placeholders stand in a derivation's environment and arguments for store paths that are not known yet. Each is
 * `/` and 52 base-32 digits, and is replaced before the builder runs.
 */

/** Stands for an output of the derivation itself. */
export function outputPlaceholder(outputName: string): string {
  return placeholder(`nix-output:${outputName}`);
}

/**
 * Stands for an output, not known yet, of another derivation. `drvHashPart` is the hash part of its `.drv` path,
 * `outputPathName` what the function of that name gives for it.
 */
export function upstreamPlaceholder(drvHashPart: string, outputPathName: string): string {
  return placeholder(`nix-upstream-output:${drvHashPart}:${outputPathName}`);
}

/** Stands for an output of the derivation that `outer`, itself a placeholder, will turn out to be (dynamic derivations). */
export function nestedPlaceholder(outer: string, outputName: string): string {
  const outerHash = encodeNixBase32(compressHash(decodeNixBase32(outer.slice(1)), 20));
  return placeholder(`nix-computed-output:${outerHash}:${outputName}`);
}

function placeholder(meaning: string): string {
  return `/${encodeNixBase32(digestBytes(hashBytes('sha256', meaning)))}`;
}
