import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type DumpTreeOptions, type NativePath, native } from '../native.js';

/**
 * The NAR of the files at `path` in chunks, in constant memory. The tree is walked by native code, by descriptors: no
 * name in it is resolved twice, and no depth or name is too long that a NAR can hold.
 *
 * Throws what `native.dumpTree` throws. A reader that stops early leaves nothing running.
 */
export async function* dumpChunks(
  path: NativePath,
  options: DumpTreeOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { read, write } = native.openPipe();
  const source = new Socket({ fd: read, readable: true, writable: false });
  const failure = native.dumpTree(path, write, options).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  // The end of the pipe comes with the end of the walk, or with its failure.
  const closed = failure.finally(() => closeSync(write));
  try {
    yield* source as AsyncIterable<Uint8Array>;
    const failed = await closed;
    if (failed) throw failed.error;
  } finally {
    await closed;
  }
}
