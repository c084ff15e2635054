import type { GarbageQueries } from '../garbage-queries.js';
import { IdSet } from './id-set.js';
import { Pace } from './pace.js';
import type { KeepSettings } from './records.js';

/**
 * Which paths of the database live: what has been marked, and everything that lives with it. That is what a path refers
 * to; with `keepOutputs` the valid outputs of a derivation; with `keepDerivations` the derivation a path was made by.
 */
export class Liveness {
  readonly #queries: GarbageQueries;
  readonly #keep: KeepSettings;
  readonly #alive = new IdSet();

  constructor(queries: GarbageQueries, keep: KeepSettings) {
    this.#queries = queries;
    this.#keep = keep;
  }

  isAlive(id: number): boolean {
    return this.#alive.has(id);
  }

  /** Marks paths, and what lives with them, in pieces between which others of this process go on. */
  async mark(ids: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    const pace = new Pace(signal);
    const pending = ids.filter((id) => this.#alive.add(id));
    while (pending.length > 0) {
      const some = pending.splice(-idsAtOnce);
      for (const id of this.#neighbours(some)) if (this.#alive.add(id)) pending.push(id);
      await pace.rest();
    }
  }

  *#neighbours(ids: readonly number[]): Generator<number, void, undefined> {
    yield* this.#queries.referencesOf(ids);
    if (this.#keep.keepOutputs) yield* this.#queries.outputsOf(ids);
    if (this.#keep.keepDerivations) yield* this.#queries.deriversOf(ids);
  }
}

const idsAtOnce = 500;
