import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, before the first wait. */
  readonly onWait?: (() => void) | undefined;
}

/**
 * Attempts at something that others may hold, with growing random pauses of 2 ms to half a second: the body of
 * the loop returns when it has succeeded. An aborted signal ends it with the signal's reason.
 */
export async function* attempts({ signal, onWait }: WaitOptions): AsyncGenerator<number> {
  for (let attempt = 0, milliseconds = 4; ; attempt++) {
    signal?.throwIfAborted();
    yield attempt;
    if (attempt === 0) onWait?.();
    await pause(milliseconds * (0.5 + Math.random() / 2), signal);
    milliseconds = Math.min(milliseconds * 1.6, 500);
  }
}

/** Sleeps, or rejects with the signal's reason as soon as that is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

/** Waits for a promise, or rejects with the signal's reason as soon as that is aborted: what was waited for goes on. */
export async function unlessAborted<T>(wait: Promise<T> | T, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (!signal) return await wait;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([wait, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
