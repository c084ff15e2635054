import type { ContentMethod, HashAlgorithm } from '../formats/hash.js';

/** Method and algorithm in one word, as the ATerm and the oldest JSON have them: `sha256`, `r:sha256`, `text:sha256`. */
export function printMethodAlgorithm(method: ContentMethod, algorithm: HashAlgorithm): string {
  return methodPrefixes[method] + algorithm;
}

/** Inverse of `printMethodAlgorithm`; undefined for anything it does not print. */
export function parseMethodAlgorithm(
  text: string,
): { method: ContentMethod; algorithm: HashAlgorithm } | undefined {
  const colon = text.indexOf(':') + 1;
  const method = contentMethods.find((name) => methodPrefixes[name] === text.slice(0, colon));
  const algorithm = text.slice(colon);
  return method && isHashAlgorithm(algorithm) ? { method, algorithm } : undefined;
}

export function isContentMethod(text: string): text is ContentMethod {
  return Object.hasOwn(methodPrefixes, text);
}

export function isHashAlgorithm(text: string): text is HashAlgorithm {
  return Object.hasOwn(digestLengths, text);
}

/** True for a digest of the algorithm in lower-case hexadecimal, the only form a derivation file holds. */
export function isHexDigest(text: string, algorithm: HashAlgorithm): boolean {
  return text.length === 2 * digestLengths[algorithm] && /^[0-9a-f]*$/.test(text);
}

const methodPrefixes = { flat: '', nar: 'r:', text: 'text:', git: 'git:' } as const satisfies Record<
  ContentMethod,
  string
>;

const contentMethods = Object.keys(methodPrefixes) as ContentMethod[];

/** Bytes. */
const digestLengths = { md5: 16, sha1: 20, sha256: 32, sha512: 64 } as const satisfies Record<
  HashAlgorithm,
  number
>;
