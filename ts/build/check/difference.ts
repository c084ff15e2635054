/**
 * How two outputs differ, as plain data. Names, targets and excerpts are byte strings as `base/text.ts` decodes them:
 * nothing is lost, also where they are not UTF-8. What is called `a` comes from the first tree, `b` from the second.
 */
export type TreeDifference =
  | OnlyInOne
  | { readonly kind: 'type'; readonly path: string; readonly a: EntryType; readonly b: EntryType }
  | { readonly kind: 'target'; readonly path: string; readonly a: string; readonly b: string }
  | FileDifference;

export type EntryType = 'directory' | 'regular' | 'symlink';
export type Side = 'a' | 'b';

/** Something that one tree does not have, with all that is below it. */
export interface OnlyInOne {
  readonly kind: 'only-in';
  /** Relative to the top, without a slash at its ends; empty for the top itself. */
  readonly path: string;
  readonly side: Side;
  readonly type: EntryType;
  /** Regular files and symlinks in it, itself included. */
  readonly files: number;
  /** Bytes of its regular files. */
  readonly size: number;
}

/** A regular file on both sides. At least one of `executable` and `contents` is there. */
export interface FileDifference {
  readonly kind: 'file';
  readonly path: string;
  readonly size: Both<number>;
  /** The one thing of a mode that a store keeps; left out where it is the same. */
  readonly executable?: Both<boolean>;
  /** Left out where the bytes are the same. */
  readonly contents?: ContentsDifference;
}

export interface Both<T> {
  readonly a: T;
  readonly b: T;
}

export interface ContentsDifference {
  /** Offset of the first byte that differs. */
  readonly first: number;
  /**
   * Bytes that differ, counted at the same offsets; what one side has beyond the end of the other counts as well.
   */
  readonly differing: number;
  /** The first ranges of them, at most `mostRanges`. */
  readonly ranges: readonly ByteRange[];
  /** There are more ranges than that. */
  readonly moreRanges: boolean;
}

/** Bytes that differ, from `start` to `end` (excluded). Fewer than `joiningGap` equal bytes between two make them one. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
  readonly a: Excerpt;
  readonly b: Excerpt;
}

/** A bounded piece of one side around a difference. */
export interface Excerpt {
  /** The bytes, as `decodeText` writes them. */
  readonly text: string;
  /** Which bytes of it differ: from `start` to `end` (excluded), in bytes. */
  readonly start: number;
  readonly end: number;
}

export const mostRanges = 16;
export const joiningGap = 16;
/** Bytes of an excerpt before the difference, of the difference, and after it. */
export const excerptContext = 32;
export const excerptLength = 256;
