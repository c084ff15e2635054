import type { Semaphore } from '../base/semaphore.js';

/** One build's claim to one of the `max-jobs` slots. It may be given back and taken again while the build waits. */
export class JobSlot {
  readonly #slots: Semaphore;
  #release: (() => void) | undefined;

  constructor(slots: Semaphore) {
    this.#slots = slots;
  }

  /** Waits for a slot, unless one is held. Rejects with the signal's reason when it is aborted. */
  async take(signal: AbortSignal): Promise<void> {
    this.#release ??= await this.#slots.acquire(signal);
  }

  /** Takes a slot if one is free; true if one is held then. */
  tryTake(): boolean {
    this.#release ??= this.#slots.tryAcquire();
    return this.#release !== undefined;
  }

  /** Lets another build have the slot; again is harmless. */
  giveBack(): void {
    this.#release?.();
    this.#release = undefined;
  }
}
