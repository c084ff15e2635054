/** One part of a file whose format is known. */
export interface Part {
  /** What it is, for people: `member a.o`, `section .text`. Two parts may have the same. */
  readonly name: string;
  /** What the format says of it, printed: times as Unix seconds or `YYYY-MM-DD HH:MM:SS`, modes in octal. */
  readonly fields: Readonly<Record<string, string>>;
  /** The bytes as they lie in the file; a view. */
  readonly raw: Buffer;
  /** What `raw` stands for, if it is compressed; undefined if it is damaged or longer than `limit` bytes. */
  readonly inflate?: (limit: number) => Buffer | undefined;
  /** A table of strings that end in NUL. */
  readonly strings?: boolean;
  /** Computed from other parts (a checksum, a build id): it differs because they do. */
  readonly derived?: boolean;
}

/**
 * Reads one format. Undefined for everything that is not whole and well-formed: such a file is compared by its bytes.
 * Never throws, whatever the bytes are, and takes no longer than is linear in them.
 */
export interface Format {
  readonly name: string;
  read(bytes: Buffer): readonly Part[] | undefined;
}

/** A file with more parts is compared by its bytes. */
export const mostParts = 65_536;
