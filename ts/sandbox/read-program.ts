import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes of a file: at most `length` from `offset`, fewer at its end. */
export type ReadAt = (offset: number, length: number) => Buffer;

/**
 * What `parse` makes of the regular file at `path`, following symlinks; undefined if it is none, cannot be read, or
 * `parse` throws.
 */
export function readProgram<Parsed>(
  path: string,
  parse: (read: ReadAt) => Parsed | undefined,
): Parsed | undefined {
  let descriptor: number;
  try {
    // O_NONBLOCK: opening a FIFO must not hang.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    if (!fstatSync(descriptor).isFile()) return undefined;
    return parse((offset, length) => {
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, readSync(descriptor, buffer, 0, length, offset));
    });
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}
