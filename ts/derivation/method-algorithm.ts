import {
  type ContentMethod,
  contentMethodPrefix,
  digestSizes,
  type HashAlgorithm,
  isHashAlgorithm,
} from '../formats/hash.js';

/** Method and algorithm in one word, as the ATerm and the oldest JSON have them: `sha256`, `r:sha256`, `text:sha256`. */
export function printMethodAlgorithm(method: ContentMethod, algorithm: HashAlgorithm): string {
  return contentMethodPrefix(method) + algorithm;
}

/** Inverse of `printMethodAlgorithm`; undefined for anything it does not print. */
export function parseMethodAlgorithm(
  text: string,
): { method: ContentMethod; algorithm: HashAlgorithm } | undefined {
  const colon = text.indexOf(':') + 1;
  const method = contentMethods.find((name) => contentMethodPrefix(name) === text.slice(0, colon));
  const algorithm = text.slice(colon);
  return method && isHashAlgorithm(algorithm) ? { method, algorithm } : undefined;
}

export function isContentMethod(text: string): text is ContentMethod {
  return (contentMethods as readonly string[]).includes(text);
}

/** True for a digest of the algorithm in lower-case hexadecimal, the only form a derivation file holds. */
export function isHexDigest(text: string, algorithm: HashAlgorithm): boolean {
  return text.length === 2 * digestSizes[algorithm] && /^[0-9a-f]*$/.test(text);
}

const contentMethods: readonly ContentMethod[] = ['flat', 'nar', 'text', 'git'];
