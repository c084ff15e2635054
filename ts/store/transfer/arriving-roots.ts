import type { TempRoots } from '../temp-roots.js';

/**
 * Protects paths from collectors that arrive one after the other, references first. A path that another one which has
 * arrived refers to is protected by that; so only the others are kept, and files of roots are replaced by smaller ones.
 */
export class ArrivingRoots {
  readonly #tempRoots: TempRoots;
  #current: TempRoots;
  /** What nothing that has arrived refers to. */
  readonly #tops = new Set<string>();
  /** Paths in the file of `current` that are not among those it began with. */
  #arrived = 0;

  constructor(tempRoots: TempRoots) {
    this.#tempRoots = tempRoots;
    this.#current = tempRoots.scope();
  }

  /** The roots that protect the path that arrives now. */
  get current(): TempRoots {
    return this.#current;
  }

  /** Says that a path is valid. */
  async arrive(path: string, references: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    for (const reference of references) this.#tops.delete(reference);
    this.#tops.add(path);
    // Where nothing refers to anything, every file would be nearly as long as the one before.
    if (++this.#arrived < Math.max(replacedAfter, this.#tops.size)) return;
    this.#arrived = 0;
    const next = this.#tempRoots.scope();
    await next.add(this.#tops, signal);
    this.#current.close();
    this.#current = next;
  }

  /** Protects what is left for as long as the store is open, as whatever else is added to it. */
  async keep(): Promise<void> {
    await this.#tempRoots.add(this.#tops);
    this.#current.close();
  }
}

/** Paths; a file of roots gets no longer than twice the tops, or these and the tops. */
const replacedAfter = 512;
