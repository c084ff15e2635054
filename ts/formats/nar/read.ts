import type { NarEvent } from './event.js';
import { NarParser } from './parser.js';

/**
 * The events of the one NAR the source holds. Throws ERR_NAR where the source is damaged, cut short or goes on
 * after the NAR. Memory does not grow with the NAR, and the source is closed when the reader stops early.
 */
export async function* readNar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<NarEvent, void, undefined> {
  let events: NarEvent[] = [];
  const parser = new NarParser((event) => events.push(event));
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += sliceLength) {
      parser.push(chunk.subarray(at, at + sliceLength));
      yield* events;
      events = [];
    }
  }
  parser.end();
}

/** A huge chunk is parsed by parts, so that its events never lie in memory all at once. */
const sliceLength = 64 * 1024;
