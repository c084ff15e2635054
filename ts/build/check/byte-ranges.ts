import { decodeText } from '../../base/text.js';
import {
  type ByteRange,
  type ContentsDifference,
  type Excerpt,
  excerptContext,
  excerptLength,
  joiningGap,
  mostRanges,
} from './difference.js';

/**
 * Finds the ranges in which two byte streams differ, in one pass and in constant memory.
 *
 * `push` takes the next bytes of both sides, equally many; `pushTail` what only one of them has, once the other has
 * come to its end.
 */
export class ByteRanges {
  #offset = 0;
  #first: number | undefined;
  #differing = 0;
  #moreRanges = false;
  #open: OpenRange | undefined;
  readonly #ranges: ByteRange[] = [];
  /** The latest bytes, the same on both sides or not, for the context of a range that starts next. */
  readonly #latest = { a: new LatestBytes(), b: new LatestBytes() };

  push(a: Uint8Array, b: Uint8Array): void {
    if (Buffer.compare(a, b) === 0) {
      this.#open?.a.push(a);
      this.#open?.b.push(b);
    } else {
      this.#pushDiffering(a, b);
    }
    this.#latest.a.push(a);
    this.#latest.b.push(b);
    this.#offset += a.length;
  }

  pushTail(side: 'a' | 'b', bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const range = this.#rangeAt(this.#offset, none, none, 0);
    this.#differing += bytes.length;
    if (range) {
      range.end = this.#offset + bytes.length;
      range[side].push(bytes);
    }
    this.#offset += bytes.length;
  }

  /** What was found; undefined where nothing differs. */
  end(): ContentsDifference | undefined {
    this.#close();
    if (this.#first === undefined) return undefined;
    return {
      first: this.#first,
      differing: this.#differing,
      ranges: this.#ranges,
      moreRanges: this.#moreRanges,
    };
  }

  #pushDiffering(a: Uint8Array, b: Uint8Array): void {
    for (let at = 0; at < a.length; at++) {
      if (a[at] !== b[at]) {
        this.#differing++;
        const range = this.#rangeAt(this.#offset + at, a, b, at);
        if (range) range.end = this.#offset + at + 1;
      }
      this.#open?.a.add(a[at]!);
      this.#open?.b.add(b[at]!);
    }
  }

  /** The open range if it is near, or a new one that starts at `offset`; undefined where there are enough already. */
  #rangeAt(offset: number, a: Uint8Array, b: Uint8Array, at: number): OpenRange | undefined {
    this.#first ??= offset;
    if (this.#open && offset - this.#open.end < joiningGap) return this.#open;
    this.#close();
    if (this.#ranges.length === mostRanges) {
      this.#moreRanges = true;
      return undefined;
    }
    this.#open = {
      start: offset,
      end: offset,
      a: new ExcerptBytes(this.#latest.a.before(a, at)),
      b: new ExcerptBytes(this.#latest.b.before(b, at)),
    };
    return this.#open;
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    const length = open.end - open.start;
    this.#ranges.push({
      start: open.start,
      end: open.end,
      a: open.a.excerpt(length),
      b: open.b.excerpt(length),
    });
    this.#open = undefined;
  }
}

interface OpenRange {
  readonly start: number;
  end: number;
  readonly a: ExcerptBytes;
  readonly b: ExcerptBytes;
}

const none = new Uint8Array(0);

/** The last `excerptContext` bytes of what was pushed. */
class LatestBytes {
  #bytes: Buffer = Buffer.alloc(0);

  push(bytes: Uint8Array): void {
    this.#bytes = this.before(bytes, bytes.length);
  }

  /** The last bytes before `bytes[at]`, which come next. A copy. */
  before(bytes: Uint8Array, at: number): Buffer {
    const near = bytes.subarray(Math.max(0, at - excerptContext), at);
    const missing = excerptContext - near.length;
    return Buffer.concat([missing === 0 ? none : this.#bytes.subarray(-missing), near]);
  }
}

/** The bytes of an excerpt while they come. */
class ExcerptBytes {
  readonly #before: Buffer;
  readonly #rest = Buffer.alloc(excerptLength + excerptContext);
  #length = 0;

  constructor(before: Buffer) {
    this.#before = before;
  }

  add(byte: number): void {
    if (this.#length < this.#rest.length) this.#rest[this.#length++] = byte;
  }

  push(bytes: Uint8Array): void {
    const room = bytes.subarray(0, this.#rest.length - this.#length);
    this.#rest.set(room, this.#length);
    this.#length += room.length;
  }

  excerpt(length: number): Excerpt {
    const start = this.#before.length;
    const shown = Math.min(this.#length, Math.min(length, excerptLength) + excerptContext);
    return {
      text: decodeText(Buffer.concat([this.#before, this.#rest.subarray(0, shown)])),
      start,
      end: start + Math.min(length, shown),
    };
  }
}
