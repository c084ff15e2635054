import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { NarEvent } from '../formats/nar/event.js';
import { readNar } from '../formats/nar/read.js';
import { type DumpTreeOptions, type NativePath, native } from '../native.js';

/**
 * The files at `path` as the events of their NAR, in constant memory. The tree is walked by native code, by
 * descriptors: no name in it is resolved twice, and no depth or name is too long that a NAR can hold.
 *
 * Throws what `native.dumpTree` throws. A reader that stops early leaves nothing running.
 */
export async function* readTree(
  path: NativePath,
  options: DumpTreeOptions = {},
): AsyncGenerator<NarEvent, void, undefined> {
  const { read, write } = native.openPipe();
  const source = new Socket({ fd: read, readable: true, writable: false });
  // The end of the pipe comes with the end of the walk, or with its failure, which is then what the reader is told.
  const failure = native.dumpTree(path, write, options).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const closed = failure.finally(() => closeSync(write));
  try {
    yield* readNar(source);
  } catch (error) {
    const failed = await closed;
    throw failed ? failed.error : error;
  } finally {
    await closed;
  }
}
