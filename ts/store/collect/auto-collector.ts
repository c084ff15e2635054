import { statfsSync } from 'node:fs';
import type { CollectListener, CollectReport, CollectSettings } from './records.js';

export interface AutoCollectorOptions {
  readonly settings: CollectSettings;
  collect(options: { readonly maxFreed: number; readonly onEvent: CollectListener }): Promise<CollectReport>;
  /** Bytes this user may still write to the disk of the store. */
  readonly available: () => number;
  /** Milliseconds; replaced in tests. */
  readonly now?: () => number;
}

/**
 * Collects garbage by itself when the disk fills up, as Nix 2.8 does: when fewer than `minFree` bytes are left, until there
 * are `maxFree`. Where that has changed nothing the last time, it is not tried again before the disk is fuller still.
 */
export class AutoCollector {
  readonly #options: AutoCollectorOptions;
  #running: Promise<void> | undefined;
  #lastCheck = Number.NEGATIVE_INFINITY;
  #afterLast = Number.POSITIVE_INFINITY;

  constructor(options: AutoCollectorOptions) {
    this.#options = options;
  }

  /**
   * Looks at the disk, if it was not looked at just before, and begins to collect if need be. Resolves when a collection
   * that runs then has ended; undefined if there is none. Never rejects: what a collection fails of is a note.
   */
  check(onEvent: CollectListener): Promise<void> | undefined {
    const { settings, available } = this.#options;
    const { minFree, maxFree, minFreeCheckInterval } = settings;
    if (minFree === 0 || this.#running) return this.#running;
    if (this.#now() < this.#lastCheck + minFreeCheckInterval * 1000) return undefined;
    const free = available();
    this.#lastCheck = this.#now();
    if (free >= minFree || free >= maxFree || free > this.#afterLast * worthAnotherTry) return undefined;
    this.#running = this.#collect(maxFree - free, onEvent).finally(() => {
      this.#running = undefined;
      this.#lastCheck = this.#now();
    });
    return this.#running;
  }

  async #collect(maxFreed: number, onEvent: CollectListener): Promise<void> {
    try {
      onEvent({ type: 'collect.note', message: `running auto-GC to free ${maxFreed} bytes` });
      await this.#options.collect({ maxFreed, onEvent });
      this.#afterLast = this.#options.available();
    } catch (error) {
      onEvent({ type: 'collect.note', message: `auto-GC: ${(error as Error).message}` });
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** Of what was free after the last collection. */
const worthAnotherTry = 0.97;

/** Bytes this user may still write to the file system of a directory. */
export function availableBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
