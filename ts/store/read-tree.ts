import type { NarEvent } from '../formats/nar/event.js';
import { readNar } from '../formats/nar/read.js';
import type { DumpTreeOptions, NativePath } from '../native.js';
import { dumpChunks } from './dump-chunks.js';

/** The files at `path` as the events of their NAR, in constant memory. Throws and ends as `dumpChunks`. */
export async function* readTree(
  path: NativePath,
  options: DumpTreeOptions = {},
): AsyncGenerator<NarEvent, void, undefined> {
  yield* readNar(dumpChunks(path, options));
}
