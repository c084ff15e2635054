import { decodeText } from '../../base/text.js';
import type { Excerpt } from './difference.js';

/**
 * One place in a file where two builds differ, after decoding.
 *
 * - `line`: a line (or a string of a table) with another text, or one that the other side does not have
 * - `bytes`: bytes of something that is not text
 * - `field`: what a container says of a member, printed: see `Part.fields`
 * - `order`: the same lines, words, records or members in another order; the excerpts show the beginning of both
 * - `only-in`: a member that the other side does not have
 */
export interface Spot {
  readonly kind: 'line' | 'bytes' | 'field' | 'order' | 'only-in';
  /** Parts of the file from the outermost inwards: `['member a.o', 'section .data']`. Empty for the file itself. */
  readonly trail: readonly string[];
  /** The name of a field. */
  readonly field?: string;
  /**
   * Where it is on side `a`, so that spots of several comparisons with the same `a` can be matched: lines counted
   * from 1, offsets in bytes, or 0 and 1 for what the trail names already. `end` is excluded, and greater.
   */
  readonly start: number;
  readonly end: number;
  /** Left out on a side that does not have it. */
  readonly a?: Excerpt;
  readonly b?: Excerpt;
  /** Computed from what the file does not hold or from what differs elsewhere: its own bytes say nothing. */
  readonly derived?: true;
}

/** Spots kept of one file. */
export const mostSpots = 64;

/** An excerpt of `bytes` whose part from `start` to `end` differs: of a long one, what is near its beginning. */
export function excerptOf(bytes: Uint8Array, start: number, end: number): Excerpt {
  const from = bytes.length <= longestLine ? 0 : Math.max(0, start - longestLine / 4);
  const shown = bytes.subarray(from, from + longestLine);
  return {
    text: decodeText(shown),
    start: start - from,
    end: Math.max(start - from, Math.min(end - from, shown.length)),
  };
}

/** Two excerpts with what they begin and end with in common taken for equal. */
export function excerptsOf(a: Uint8Array, b: Uint8Array): { readonly a: Excerpt; readonly b: Excerpt } {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start++;
  let tail = 0;
  while (tail < shorter - start && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  return { a: excerptOf(a, start, a.length - tail), b: excerptOf(b, start, b.length - tail) };
}

const longestLine = 1024;
