import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Lets long synchronous work share the process with others: `rest` waits for the next turn of the event loop if the last
 * one was more than `milliseconds` ago. Throws the reason of an aborted signal.
 */
export class Pace {
  readonly #milliseconds: number;
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  constructor(signal: AbortSignal | undefined, milliseconds = 10) {
    this.#signal = signal;
    this.#milliseconds = milliseconds;
  }

  /** Whether it is time to rest: asked first, where a promise for each step would cost more than the step. */
  get isDue(): boolean {
    return performance.now() - this.#since > this.#milliseconds;
  }

  async rest(): Promise<void> {
    if (!this.isDue) return;
    await nextTurn();
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
