import {
  createPrivateKey,
  createPublicKey,
  sign as ed25519Sign,
  verify as ed25519Verify,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText, encodeText } from '../base/text.js';
import { formatHash, type Hash } from './hash.js';

/** What a signature vouches for: all of it is in the fingerprint. Store paths are full logical paths. */
export interface SignedFacts {
  readonly path: string;
  /** SHA-256 of the NAR. */
  readonly narHash: Hash;
  readonly narSize: number;
  readonly references: readonly string[];
}

/** A key pair of which the secret half is known; its name tells verifiers which key to take. */
export interface SecretKey {
  readonly name: string;
  readonly key: KeyObject;
}

export interface PublicKey {
  readonly name: string;
  readonly key: KeyObject;
}

/** The text that is signed: `1;<path>;<narHash in base 32>;<narSize>;<sorted references, comma-separated>`. */
export function fingerprint(facts: SignedFacts): string {
  const references = [...new Set(facts.references)].sort(compareText).join(',');
  return `1;${facts.path};${formatHash(facts.narHash, 'base32')};${facts.narSize};${references}`;
}

/** Signs a fingerprint (or any text): `<key name>:<base64 of the 64 bytes of an Ed25519 signature>`. */
export function sign(secretKey: SecretKey, text: string): string {
  return `${secretKey.name}:${ed25519Sign(null, encodeText(text), secretKey.key).toString('base64')}`;
}

/** True when `signature` names one of the keys (by key name) and is that key's signature of the text. */
export function verify(keys: ReadonlyMap<string, PublicKey>, text: string, signature: string): boolean {
  const parts = splitKeyText(signature);
  const key = parts && keys.get(parts.name);
  if (!key || parts.bytes.length !== signatureLength) return false;
  return ed25519Verify(null, encodeText(text), key.key, parts.bytes);
}

/** Names of the keys that have signed the facts, each once. */
export function signers(
  keys: ReadonlyMap<string, PublicKey>,
  facts: SignedFacts & { readonly signatures: readonly string[] },
): string[] {
  const text = fingerprint(facts);
  const valid = facts.signatures.filter((signature) => verify(keys, text, signature));
  return [...new Set(valid.map((signature) => signature.slice(0, signature.indexOf(':'))))];
}

/** Reads public keys, `name:base64` each; of two with one name the later counts. Throws ERR_SIGNATURE. */
export function parsePublicKeys(texts: Iterable<string>): Map<string, PublicKey> {
  return new Map(Array.from(texts, (text) => parsePublicKey(text)).map((key) => [key.name, key]));
}

/**
 * Reads `name:base64`, the base 64 of 32 bytes; white space around it does not matter. Throws ERR_SIGNATURE, which
 * shows only the name: the text might be a secret key, given by mistake.
 */
export function parsePublicKey(text: string): PublicKey {
  const parts = splitKeyText(text.trim());
  if (!parts || parts.bytes.length !== publicKeyLength) {
    const which = parts ? quote(parts.name) : `a text of ${text.length} characters`;
    throw malformed(
      `${which} is not a public key: that is \`name:\` and ${publicKeyLength} bytes in base 64`,
    );
  }
  const der = Buffer.concat([publicKeyHeader, parts.bytes]);
  return { name: parts.name, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/**
 * Reads `name:base64`, the base 64 of 64 bytes: the seed and the public key. Throws ERR_SIGNATURE, also when the
 * two do not belong together; no error holds any of the text but the name.
 */
export function parseSecretKey(text: string): SecretKey {
  const parts = splitKeyText(text.trim());
  if (!parts || parts.bytes.length !== secretKeyLength)
    throw malformed(`this is not a secret key: that is \`name:\` and ${secretKeyLength} bytes in base 64`);
  const der = Buffer.concat([secretKeyHeader, parts.bytes.subarray(0, seedLength)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const secretKey = { name: parts.name, key };
  if (!rawPublicKey(secretKey.key).equals(parts.bytes.subarray(seedLength)))
    throw malformed(`the two halves of the secret key ${quote(parts.name)} do not belong together`);
  return secretKey;
}

/** A new key. Throws ERR_SIGNATURE for a name that is empty or has a colon or white space. */
export function generateSecretKey(name: string): SecretKey {
  if (!keyNamePattern.test(name))
    throw malformed(`${quote(name)} cannot name a key: it must not be empty or hold a colon or white space`);
  return { name, key: generateKeyPairSync('ed25519').privateKey };
}

/** The half of a key that may be shown. */
export function publicKeyOf(secretKey: SecretKey): PublicKey {
  return { name: secretKey.name, key: createPublicKey(secretKey.key) };
}

/** `name:base64`, without a newline, as Nix writes it. */
export function formatPublicKey(publicKey: PublicKey): string {
  return `${publicKey.name}:${rawPublicKey(publicKey.key).toString('base64')}`;
}

/** `name:base64`, without a newline, as Nix writes it. */
export function formatSecretKey(secretKey: SecretKey): string {
  const seed = Buffer.from(secretKey.key.export({ format: 'jwk' }).d!, 'base64url');
  return `${secretKey.name}:${Buffer.concat([seed, rawPublicKey(secretKey.key)]).toString('base64')}`;
}

const seedLength = 32;
const publicKeyLength = 32;
const secretKeyLength = 64;
const signatureLength = 64;

// What precedes the 32 bytes of an Ed25519 key in DER (RFC 8410).
const secretKeyHeader = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicKeyHeader = Buffer.from('302a300506032b6570032100', 'hex');

const keyNamePattern = /^[^:\s]+$/;

/** `name:base64`, or undefined; base 64 has one spelling. */
function splitKeyText(text: string): { readonly name: string; readonly bytes: Buffer } | undefined {
  const colon = text.indexOf(':');
  const name = text.slice(0, colon);
  if (colon < 0 || !keyNamePattern.test(name)) return undefined;
  const encoded = text.slice(colon + 1);
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? { name, bytes } : undefined;
}

function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url');
}

function malformed(why: string): AirplantError {
  return new AirplantError('ERR_SIGNATURE', why);
}
