import type { NarEvent } from '../../formats/nar/event.js';
import type { EntryType } from './difference.js';

type NodeEvent = NarEvent & { readonly kind: EntryType };

/** The events of one tree, with a look at the one that comes next. */
export class EventReader {
  readonly #events: AsyncIterator<NarEvent>;
  #next: Promise<IteratorResult<NarEvent>> | undefined;

  constructor(events: AsyncIterable<NarEvent>) {
    this.#events = events[Symbol.asyncIterator]();
  }

  /** The next event, which stays the next one; undefined at the end. */
  async peek(): Promise<NarEvent | undefined> {
    this.#next ??= this.#events.next();
    const { done, value } = await this.#next;
    return done ? undefined : value;
  }

  async take(): Promise<NarEvent | undefined> {
    const event = await this.peek();
    this.#next = undefined;
    return event;
  }

  /** Takes the rest of a file's contents, chunk by chunk, and its end. */
  async *takeContents(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let event = await this.take(); event?.kind === 'data'; event = await this.take()) yield event.chunk;
  }

  /** Takes the whole node that comes next. */
  async skipNode(): Promise<{ readonly type: EntryType; readonly files: number; readonly size: number }> {
    const type = ((await this.peek()) as NodeEvent).kind;
    let [files, size, open] = [0, 0, 0];
    do {
      const event = (await this.take())!;
      if (event.kind === 'directory') open++;
      else if (event.kind === 'directory-end') open--;
      else if (event.kind === 'symlink') files++;
      else if (event.kind === 'regular') {
        files++;
        size += event.size;
        for await (const _ of this.takeContents());
      }
    } while (open > 0);
    return { type, files, size };
  }

  /** Ends the source, also one that was not read to its end. */
  async close(): Promise<void> {
    await this.#events.return?.();
  }
}

/** True where a node begins. */
export function isNode(event: NarEvent): event is NodeEvent {
  return event.kind === 'regular' || event.kind === 'symlink' || event.kind === 'directory';
}
