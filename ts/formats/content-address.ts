import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { type ContentMethod, contentMethodPrefix, formatHash, type Hash, parseHash } from './hash.js';
import { makeFixedOutputPath } from './make-store-path.js';
import { parseStorePath } from './store-path.js';

/** What a content-addressed path is addressed by. */
export interface ContentAddress {
  readonly method: ContentMethod;
  readonly hash: Hash;
}

/**
 * Reads `fixed:[r:|git:]algo:digest` or `text:sha256:digest`, the digest in base 32 as Nix writes it or in base
 * 16 or 64 as it also reads. Throws ERR_HASH_SYNTAX.
 */
export function parseContentAddress(text: string): ContentAddress {
  const parts = /^(?:(text):|fixed:(r:|git:)?)([a-z0-9]+:.*)$/s.exec(text);
  if (!parts) throw malformed(text, 'it is neither `fixed:[r:|git:]algo:base32` nor `text:sha256:base32`');
  const [, isText, prefix, hashText] = parts;
  const hash = parseHash(hashText!);
  if (isText && hash.algorithm !== 'sha256') throw malformed(text, 'a text is addressed by sha256');
  const method = isText ? 'text' : prefix === 'r:' ? 'nar' : prefix === 'git:' ? 'git' : 'flat';
  return { method, hash };
}

/** The text form the database, narinfos and protocols hold. */
export function formatContentAddress({ method, hash }: ContentAddress): string {
  return `${method === 'text' ? '' : 'fixed:'}${contentMethodPrefix(method)}${formatHash(hash, 'base32')}`;
}

/**
 * The store path of content so addressed. `references` are full store paths other than itself.
 * Throws as `makeFixedOutputPath`.
 */
export function makeContentAddressedPath(
  storeDir: string,
  content: {
    readonly name: string;
    readonly address: ContentAddress;
    readonly references?: Iterable<string>;
    readonly self?: boolean;
  },
): string {
  const { address, ...rest } = content;
  return makeFixedOutputPath(storeDir, { ...rest, ...address });
}

/**
 * True when the path is the one its content address and references give: then it vouches for itself and needs no
 * signature. `references` holds the path itself if it refers to itself. False also for an address that is malformed.
 */
export function isSelfCertifying(
  storeDir: string,
  info: { readonly path: string; readonly references: readonly string[]; readonly contentAddress?: string },
): boolean {
  if (info.contentAddress === undefined) return false;
  try {
    const made = makeContentAddressedPath(storeDir, {
      name: parseStorePath(storeDir, info.path).name,
      address: parseContentAddress(info.contentAddress),
      references: info.references.filter((reference) => reference !== info.path),
      self: info.references.includes(info.path),
    });
    return made === info.path;
  } catch (error) {
    if (error instanceof AirplantError) return false;
    throw error;
  }
}

function malformed(text: string, why: string): AirplantError {
  return new AirplantError('ERR_HASH_SYNTAX', `${quote(text)} is not a content address: ${why}`, {
    details: { value: text.slice(0, 256) },
  });
}
