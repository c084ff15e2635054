import { ByteRanges } from './byte-ranges.js';
import type { Both, ContentsDifference } from './difference.js';

/** All bytes of two files that differ. */
export type WholeContents = Both<Buffer>;

/** Files above this are compared as they stream by, and never decoded: two of them have to fit into memory. */
export const longestDecoded: number = 32 * 1024 * 1024;

/**
 * Compares two files, each given by its chunks and size in bytes, and reads both to their ends. `whole` is given for
 * files that differ and have at most `longestDecoded` bytes each; longer ones take no more memory than a few chunks.
 */
export async function compareContents(
  a: AsyncIterable<Uint8Array>,
  b: AsyncIterable<Uint8Array>,
  size: Both<number>,
): Promise<{ readonly contents?: ContentsDifference; readonly whole?: WholeContents }> {
  if (size.a > longestDecoded || size.b > longestDecoded) {
    const contents = await compareStreams(a, b);
    return contents ? { contents } : {};
  }
  const [left, right] = await Promise.all([collect(a, size.a), collect(b, size.b)]);
  const contents = compareBytes(left, right);
  return contents ? { contents, whole: { a: left, b: right } } : {};
}

/** The same for bytes in memory; undefined where they are equal. */
export function compareBytes(a: Uint8Array, b: Uint8Array): ContentsDifference | undefined {
  const ranges = new ByteRanges();
  const common = Math.min(a.length, b.length);
  ranges.push(a.subarray(0, common), b.subarray(0, common));
  ranges.pushTail('a', a.subarray(common));
  ranges.pushTail('b', b.subarray(common));
  return ranges.end();
}

async function compareStreams(
  a: AsyncIterable<Uint8Array>,
  b: AsyncIterable<Uint8Array>,
): Promise<ContentsDifference | undefined> {
  const ranges = new ByteRanges();
  const [left, right] = [new ChunkReader(a), new ChunkReader(b)];
  for (;;) {
    const [x, y] = await Promise.all([left.chunk(), right.chunk()]);
    if (!x && !y) return ranges.end();
    if (!x || !y) {
      ranges.pushTail(x ? 'a' : 'b', (x ?? y)!);
      (x ? left : right).use((x ?? y)!.length);
      continue;
    }
    const common = Math.min(x.length, y.length);
    ranges.push(x.subarray(0, common), y.subarray(0, common));
    left.use(common);
    right.use(common);
  }
}

/** Chunks of which a part can be used. */
class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #left: Uint8Array | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** What has not been used of the latest chunk, or the next one; undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#left && this.#left.length > 0) return this.#left;
    const { done, value } = await this.#chunks.next();
    this.#left = done ? undefined : value;
    return this.#left;
  }

  use(length: number): void {
    this.#left = this.#left?.subarray(length);
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>, size: number): Promise<Buffer> {
  const whole = Buffer.allocUnsafe(size);
  let length = 0;
  for await (const chunk of chunks) {
    whole.set(chunk, length);
    length += chunk.length;
  }
  return whole;
}
