import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import {
  type ContentMethod,
  compressHash,
  contentMethodPrefix,
  digestBytes,
  formatHash,
  type Hash,
} from './hash.js';
import { hashBytes } from './hash-bytes.js';
import { encodeNixBase32 } from './nixbase32.js';
import { checkName, parseStorePath } from './store-path.js';

/**
 * The one formula behind every store path: the hash part is 160 bits of the SHA-256 of
 * `<type>:<hash>:<storeDir>:<name>`, where the hash is written `algo:base16`. Throws ERR_NAME.
 */
export function makeStorePath(
  storeDir: string,
  parts: { readonly type: string; readonly hash: Hash; readonly name: string },
): string {
  checkName(parts.name);
  const fingerprint = `${parts.type}:${formatHash(parts.hash, 'base16')}:${storeDir}:${parts.name}`;
  const hashPart = encodeNixBase32(compressHash(digestBytes(hashBytes('sha256', fingerprint)), 20));
  return `${storeDir}/${hashPart}-${parts.name}`;
}

/**
 * Path of a text: a `.drv` file, or what `toFile` makes. `hash` is the SHA-256 of its bytes, `references` are
 * full store paths in any order. Throws ERR_NAME, and ERR_STORE_PATH for another algorithm.
 */
export function makeTextPath(
  storeDir: string,
  text: { readonly name: string; readonly hash: Hash; readonly references: Iterable<string> },
): string {
  if (text.hash.algorithm !== 'sha256')
    throw unaddressable(text.name, `a text is addressed by sha256, not by ${text.hash.algorithm}`);
  return makeStorePath(storeDir, {
    type: typeWithReferences('text', text.references),
    hash: text.hash,
    name: text.name,
  });
}

/**
 * Path of content addressed by its own hash: of the file (`flat`), of the NAR (`nar`; with `self`, of the NAR
 * modulo its own hash part), of the git object (`git`). `references` are full store paths other than itself.
 * Throws ERR_NAME, and ERR_STORE_PATH where the method does not allow the algorithm or references.
 */
export function makeFixedOutputPath(
  storeDir: string,
  content: {
    readonly name: string;
    readonly method: ContentMethod;
    readonly hash: Hash;
    readonly references?: Iterable<string>;
    /** It refers to itself. */
    readonly self?: boolean;
  },
): string {
  const { name, method, hash, self = false } = content;
  const references = [...(content.references ?? [])];
  if (self && (method !== 'nar' || hash.algorithm !== 'sha256'))
    throw unaddressable(name, `content addressed as ${method} ${hash.algorithm} cannot refer to itself`);
  if (method === 'text') return makeTextPath(storeDir, { name, hash, references });
  if (method === 'nar' && hash.algorithm === 'sha256')
    return makeStorePath(storeDir, { type: typeWithReferences('source', references, self), hash, name });
  if (references.length > 0)
    throw unaddressable(name, `content addressed as ${method} ${hash.algorithm} cannot have references`);
  if (method === 'git' && hash.algorithm !== 'sha1' && hash.algorithm !== 'sha256')
    throw unaddressable(name, `git objects are hashed by sha1 or sha256, not by ${hash.algorithm}`);
  const fixed = `fixed:out:${contentMethodPrefix(method)}${formatHash(hash, 'base16')}:`;
  return makeStorePath(storeDir, { type: 'output:out', hash: hashBytes('sha256', fixed), name });
}

/** Path of an input-addressed output; `hash` is the derivation's hash modulo its fixed-output inputs. */
export function makeOutputPath(
  storeDir: string,
  output: { readonly outputName: string; readonly hash: Hash; readonly derivationName: string },
): string {
  return makeStorePath(storeDir, {
    type: `output:${output.outputName}`,
    hash: output.hash,
    name: outputPathName(output.derivationName, output.outputName),
  });
}

/**
 * Where an output is made that cannot be made at its own path, since something valid lies there: a path of the same
 * length and name, different for every derivation and output. As Nix 2.8 computes it.
 */
export function makeScratchPath(
  storeDir: string,
  { drvPath, path }: { readonly drvPath: string; readonly path: string },
): string {
  const { base, name } = parseStorePath(storeDir, path);
  return makeStorePath(storeDir, {
    type: `rewrite:${parseStorePath(storeDir, drvPath).base}:${base}`,
    hash: { algorithm: 'sha256', hex: '0'.repeat(64) },
    name,
  });
}

/** Name part of an output's path: the derivation's name (without `.drv`), and `-output` unless that is `out`. */
export function outputPathName(derivationName: string, outputName: string): string {
  return outputName === 'out' ? derivationName : `${derivationName}-${outputName}`;
}

/** `type:reference:reference…[:self]`, references by bytes and each once. */
function typeWithReferences(type: string, references: Iterable<string>, self = false): string {
  const sorted = [...new Set(references)].sort(compareText);
  return [type, ...sorted, ...(self ? ['self'] : [])].join(':');
}

function unaddressable(name: string, why: string): AirplantError {
  return new AirplantError('ERR_STORE_PATH', `${quote(name)} has no store path: ${why}`, {
    hint: 'Address it as `nar` with sha256.',
    details: { name },
  });
}
