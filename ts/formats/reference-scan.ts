import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { nixBase32Alphabet } from './nixbase32.js';
import { hashPartLength } from './store-path.js';

/**
 * Finds which store paths a stream of bytes refers to, as Nix does: by the 32 characters of their hash parts, at any
 * offset and whatever stands around them. The stream comes in chunks cut anywhere. A reference that is compressed,
 * encrypted or spelt in UTF-16 is not seen.
 */
export class ReferenceScanner {
  readonly #missing: Set<string>;
  readonly #found: string[] = [];
  /** A bit set for the first four characters of each candidate: the cheap test that nearly all windows fail. */
  readonly #filter = new Uint8Array(1 << filterBits);
  /** The last bytes of the stream, fewer than a window. */
  #tail: Buffer = Buffer.alloc(0);

  /** Candidates are hash parts. Throws ERR_STORE_PATH for one that is not 32 base-32 digits. */
  constructor(candidates: Iterable<string>) {
    this.#missing = new Set(candidates);
    for (const candidate of this.#missing) {
      if (!hashPartPattern.test(candidate))
        throw new AirplantError('ERR_STORE_PATH', `${quote(candidate)} is not the hash part of a store path`);
      this.#filter[filterIndex(Buffer.from(candidate, 'latin1'), 0)] = 1;
    }
  }

  push(chunk: Uint8Array): void {
    if (this.#missing.size === 0) return;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const border = Buffer.concat([this.#tail, bytes.subarray(0, hashPartLength - 1)]);
    if (this.#tail.length > 0) this.#scan(border);
    this.#scan(bytes);
    const end = bytes.length < hashPartLength ? border : bytes;
    this.#tail = Buffer.from(end.subarray(Math.max(0, end.length - hashPartLength + 1)));
  }

  /** The candidates seen so far, in the order they were first seen. */
  found(): string[] {
    return [...this.#found];
  }

  /**
   * Looks at every window of 32 bytes from its end: a byte that is no digit there rules out all windows over it, so
   * in ordinary data only every 32nd byte or so is looked at, and no byte more than once.
   */
  #scan(bytes: Buffer): void {
    const lastStart = bytes.length - hashPartLength;
    let start = 0;
    // Bytes from `start` up to here are known to be digits.
    let known = 0;
    while (start <= lastStart) {
      const end = start + hashPartLength;
      let at = end - 1;
      while (at >= known && isDigit[bytes[at]!] === 1) at--;
      if (at >= known) {
        start = at + 1;
      } else {
        if (this.#filter[filterIndex(bytes, start)] === 1) this.#see(bytes.toString('latin1', start, end));
        start++;
      }
      known = end;
    }
  }

  #see(window: string): void {
    if (this.#missing.delete(window)) this.#found.push(window);
  }
}

const filterBits = 16;
const hashPartPattern = new RegExp(`^[${nixBase32Alphabet}]{${hashPartLength}}$`);

const isDigit = new Uint8Array(256);
for (const digit of nixBase32Alphabet) isDigit[digit.charCodeAt(0)] = 1;

function filterIndex(bytes: Buffer, at: number): number {
  const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  // Fibonacci hashing.
  return Math.imul(word, 0x9e3779b1) >>> (32 - filterBits);
}
