import type { BuildEvent, EventSink } from '../base/events.js';
import { EventStream } from './event-stream.js';

/** Work under way: its events, for one reader that starts at once, and its result. */
export interface EventRun<Report> extends AsyncIterable<BuildEvent> {
  /** Resolves when nothing runs any more; rejects only for what kept the work from starting at all. */
  readonly result: Promise<Report>;
}

/** Starts work after the current tick, so that a reader of its events misses none. */
export function startRun<Report>(work: (emit: EventSink) => Promise<Report>): EventRun<Report> {
  const events = new EventStream();
  const result = new Promise<void>((resolve) => setImmediate(resolve))
    .then(() => work((event) => events.push(event)))
    .finally(() => events.end());
  // Whoever only reads events need not look at the result as well.
  result.catch(() => {});
  return { result, [Symbol.asyncIterator]: () => events[Symbol.asyncIterator]() };
}
