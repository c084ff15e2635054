import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { decodeNixBase32, encodedLength, encodeNixBase32 } from './nixbase32.js';

/** Hash algorithms of the Nix formats. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512';

/** A digest with its algorithm. `hex` is lower case and exactly as long as the algorithm says. */
export interface Hash {
  readonly algorithm: HashAlgorithm;
  readonly hex: string;
}

/** How the content of a content-addressed object is hashed. `nar` is also called recursive and written `r:`. */
export type ContentMethod = 'flat' | 'nar' | 'text' | 'git';

/**
 * What marks the method in front of the algorithm: after `fixed:` in a content address (never `text:` there), and
 * in a derivation's output.
 */
export function contentMethodPrefix(method: ContentMethod): string {
  return methodPrefixes[method];
}

const methodPrefixes: Readonly<Record<ContentMethod, string>> = {
  flat: '',
  nar: 'r:',
  git: 'git:',
  text: 'text:',
};

/** How a digest is written. `base32` is Nix's own. */
export type DigestEncoding = 'base16' | 'base32' | 'base64';

/** Digest sizes in bytes. */
export const digestSizes: Readonly<Record<HashAlgorithm, number>> = {
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha512: 64,
};

/**
 * A hash in any form Nix reads: `algo:digest` with the digest in base 16, base 32 or base 64 (its length tells
 * which), SRI `algo-base64`, or, when `algorithm` is given, the bare digest.
 * Throws ERR_HASH_SYNTAX for anything else, also when the text names another algorithm than `algorithm`.
 * Stricter than Nix in one point: base 64 must be exactly what an encoder writes, padding and spare bits included.
 */
export function parseHash(text: string, algorithm?: HashAlgorithm): Hash {
  const separator = /[:-]/.exec(text);
  if (!separator) {
    if (!algorithm) throw malformed(text, 'it does not say which algorithm made it');
    return parseDigest(text, algorithm, text);
  }
  const named = parseHashAlgorithm(text.slice(0, separator.index), text);
  if (algorithm && named !== algorithm) throw malformed(text, `it should be a ${algorithm} hash`);
  const digest = text.slice(separator.index + 1);
  if (separator[0] === '-' && encodingOf(digest, named) !== 'base64')
    throw malformed(text, `what follows ${named}- in an SRI hash is base 64`);
  return parseDigest(digest, named, text);
}

/** True for the name of a supported algorithm. */
export function isHashAlgorithm(name: string): name is HashAlgorithm {
  return Object.hasOwn(digestSizes, name);
}

/** `algo:digest`, or SRI (`algo-base64`). */
export function formatHash(hash: Hash, form: DigestEncoding | 'sri'): string {
  return form === 'sri'
    ? `${hash.algorithm}-${formatDigest(hash, 'base64')}`
    : `${hash.algorithm}:${formatDigest(hash, form)}`;
}

/** The digest alone, without its algorithm. */
export function formatDigest(hash: Hash, encoding: DigestEncoding): string {
  if (encoding === 'base16') return hash.hex;
  const bytes = digestBytes(hash);
  return encoding === 'base32' ? encodeNixBase32(bytes) : bytes.toString('base64');
}

/** The digest as bytes, as many as `digestSizes` says. */
export function digestBytes(hash: Hash): Buffer {
  return Buffer.from(hash.hex, 'hex');
}

export function sameHash(a: Hash, b: Hash): boolean {
  return a.algorithm === b.algorithm && a.hex === b.hex;
}

/** A digest folded to `size` bytes as Nix does for store paths: byte i is XORed into byte `i mod size`. */
export function compressHash(bytes: Uint8Array, size: number): Buffer {
  const folded = Buffer.alloc(size);
  for (const [i, byte] of bytes.entries()) folded[i % size]! ^= byte;
  return folded;
}

function parseHashAlgorithm(name: string, text: string): HashAlgorithm {
  if (!isHashAlgorithm(name))
    throw malformed(text, `${quote(name)} is none of ${Object.keys(digestSizes).join(', ')}`);
  return name;
}

function parseDigest(digest: string, algorithm: HashAlgorithm, text: string): Hash {
  switch (encodingOf(digest, algorithm)) {
    case 'base16':
      if (!/^[0-9a-fA-F]*$/.test(digest)) throw malformed(text, 'it has a character that is not hexadecimal');
      return { algorithm, hex: digest.toLowerCase() };
    case 'base32':
      return { algorithm, hex: decodeNixBase32(digest).toString('hex') };
    case 'base64': {
      const bytes = Buffer.from(digest, 'base64');
      if (bytes.length !== digestSizes[algorithm] || bytes.toString('base64') !== digest)
        throw malformed(text, 'it is not proper base 64');
      return { algorithm, hex: bytes.toString('hex') };
    }
    case undefined:
      throw malformed(text, `its length does not fit ${algorithm} in base 16, 32 or 64`);
  }
}

/** The three encodings of one algorithm never have the same length. */
function encodingOf(digest: string, algorithm: HashAlgorithm): DigestEncoding | undefined {
  const size = digestSizes[algorithm];
  if (digest.length === size * 2) return 'base16';
  if (digest.length === encodedLength(size)) return 'base32';
  if (digest.length === Math.ceil(size / 3) * 4) return 'base64';
  return undefined;
}

function malformed(text: string, why: string): AirplantError {
  return new AirplantError('ERR_HASH_SYNTAX', `${quote(text)} is not a hash: ${why}`, {
    details: { value: text.slice(0, 256) },
  });
}
