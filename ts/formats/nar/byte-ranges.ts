/** Bytes that can be read at any place: of a file, of a store path as a NAR, of something at the other end of a line. */
export interface ByteRanges {
  /** Length in bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on, all of them below `size`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}
