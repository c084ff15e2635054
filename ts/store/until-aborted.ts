import { Readable } from 'node:stream';
import { unlessAborted } from './waiting.js';

/**
 * What a source yields, until the signal is aborted: then it ends with the signal's reason, also while the source has
 * nothing to say. It is closed in any case, as by `for await`, but not waited for where an answer is still due.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let answered = true;
  try {
    for (;;) {
      signal?.throwIfAborted();
      answered = false;
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done) return;
      answered = true;
      yield next.value;
    }
  } finally {
    if (answered) await iterator.return?.();
    else if (signal?.aborted) abandon(source, iterator);
  }
}

/** A generator that is waiting would not even hear of it before it has an answer; a stream can be closed at once. */
function abandon<T>(source: AsyncIterable<T>, iterator: AsyncIterator<T>): void {
  if (source instanceof Readable) source.destroy();
  else void Promise.resolve(iterator.return?.()).catch(() => {});
}
