import { createHash } from 'node:crypto';
import { encodeText } from '../base/text.js';
import type { Hash, HashAlgorithm } from './hash.js';

/** The hash of bytes, or of the bytes a string stands for (base/text.ts). */
export function hashBytes(algorithm: HashAlgorithm, data: Uint8Array | string): Hash {
  const bytes = typeof data === 'string' ? encodeText(data) : data;
  return { algorithm, hex: createHash(algorithm).update(bytes).digest('hex') };
}
