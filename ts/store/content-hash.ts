import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ContentMethod, Hash, HashAlgorithm } from '../formats/hash.js';
import { native } from '../native.js';

/** What a content address says of how it was made, and how to stop making another one. */
export interface ContentHashOptions {
  /** `text` is hashed as `flat` is. */
  readonly method: Exclude<ContentMethod, 'git'>;
  readonly algorithm: HashAlgorithm;
  /** Hash part of the path that is addressed so, if the tree refers to itself by it; with `nar` only. */
  readonly self?: string | undefined;
  readonly caseHack: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The hash of the contents of a regular file on the host, or of the NAR of a tree, in constant memory. Throws what
 * the operating system says; EISDIR for a directory that is to be hashed as a file.
 */
export async function contentHash(path: string, options: ContentHashOptions): Promise<Hash> {
  const { method, algorithm, self, signal, caseHack } = options;
  if (method === 'nar') {
    const modulo = self === undefined ? {} : { modulo: self };
    const { hash } = await native.hashTree(path, [], { algorithm, signal, caseHack, ...modulo });
    return { algorithm, hex: hash };
  }
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return { algorithm, hex: hash.digest('hex') };
}
