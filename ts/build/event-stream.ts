import type { BuildEvent } from '../base/events.js';

/** Unread log bytes above which the builder, or the hook, is made to wait. */
const highWater = 1024 * 1024;

/**
 * Events as an async iterable for one reader. Without a reader events are dropped; a slow reader holds the builders'
 * terminals and the hooks' output back instead of filling the memory. Leaving the loop early only stops the reading.
 */
export class EventStream implements AsyncIterable<BuildEvent> {
  readonly #queue: BuildEvent[] = [];
  #logBytes = 0;
  #reading = false;
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #resumeWriters: Array<() => void> = [];

  push(event: BuildEvent): Promise<void> | undefined {
    if (!this.#reading || this.#ended) return undefined;
    this.#queue.push(event);
    this.#logBytes += logBytes(event);
    this.#wakeReader?.();
    if (this.#logBytes < highWater) return undefined;
    return new Promise((resolve) => this.#resumeWriters.push(resolve));
  }

  /** No more events will come; what is queued can still be read. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<BuildEvent> {
    if (this.#reading) throw new TypeError('the events of a build can be read by one reader only');
    this.#reading = true;
    return { next: () => this.#next(), return: () => this.#stop() };
  }

  async #next(): Promise<IteratorResult<BuildEvent>> {
    while (this.#queue.length === 0) {
      if (this.#ended) return this.#stop();
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    const event = this.#queue.shift()!;
    this.#logBytes -= logBytes(event);
    if (this.#logBytes < highWater) this.#resume();
    return { done: false, value: event };
  }

  async #stop(): Promise<IteratorResult<BuildEvent>> {
    this.#ended = true;
    this.#queue.length = 0;
    this.#resume();
    return { done: true, value: undefined };
  }

  #resume(): void {
    const writers = this.#resumeWriters;
    this.#resumeWriters = [];
    for (const resume of writers) resume();
  }
}

function logBytes(event: BuildEvent): number {
  return 'chunk' in event ? event.chunk.length : 0;
}
