import { join } from 'node:path';
import { isStorePath } from '../../formats/store-path.js';
import type { GarbageRow } from '../garbage-queries.js';
import type { StoreParts } from '../store-parts.js';
import type { Collector } from './collector.js';
import { removeLock, unlessLocked } from './leftovers.js';
import { Pace } from './pace.js';
import type { CollectListener, CollectReport } from './records.js';
import { Trash } from './trash.js';
import { removeUnusedLinks } from './unused-links.js';

export interface DeletionOptions {
  /** Bytes after which it is enough; what is being deleted then goes all the same. Default: no limit. */
  readonly maxFreed?: number | undefined;
  readonly onEvent: CollectListener;
  readonly signal: AbortSignal;
}

/**
 * The doing of a collector. A path is made invalid in the database before anything else happens to it, then it is moved out
 * of the way, and only then removed. Stopped or killed at any moment, every valid path is whole, and what had been begun is
 * a leftover to the next collector, ours or Nix's.
 */
export class Deletion {
  readonly #parts: StoreParts;
  readonly #collector: Collector;
  readonly #options: DeletionOptions;
  readonly #trash: Trash;
  #deleted = 0;

  constructor(parts: StoreParts, collector: Collector, options: DeletionOptions) {
    this.#parts = parts;
    this.#collector = collector;
    this.#options = options;
    this.#trash = new Trash(parts.directories.realStoreDir, {
      signal: options.signal,
      takeBack: parts.takeBack,
    });
    options.onEvent({ type: 'collect.phase', phase: 'deleting' });
  }

  get isEnough(): boolean {
    const { maxFreed } = this.#options;
    return maxFreed !== undefined && (maxFreed === 0 || this.#freed > maxFreed);
  }

  /** Deletes entries of the store directory, unless somebody works on them by now, or has made them valid. */
  async discardLeftovers(names: readonly string[]): Promise<void> {
    for (let i = 0; i < names.length && !this.isEnough; i += batchSize) {
      this.#options.signal.throwIfAborted();
      for (const name of names.slice(i, i + batchSize)) this.#discardLeftover(name);
      await this.#sweep();
    }
  }

  /**
   * Deletes valid paths, each after those that refer to it: of `ready`, and of what nothing refers to any more then, those
   * that `mayGo`. Where `ready` runs short, `more` is asked for others; it returns undefined when there are none.
   */
  async discardPaths(
    ready: GarbageRow[],
    mayGo: (row: GarbageRow) => boolean,
    more: () => readonly GarbageRow[] | undefined = () => undefined,
  ): Promise<void> {
    const { garbage } = this.#parts.database;
    const { liveness, protectedPaths } = this.#collector;
    const { signal } = this.#options;
    const pace = new Pace(signal);
    const isFree = (row: GarbageRow) => mayGo(row) && !protectedPaths.has(row.path);
    while (!this.isEnough) {
      signal.throwIfAborted();
      await protectedPaths.markFresh(garbage, liveness, signal);
      const found = ready.length < batchSize ? more() : [];
      for (const row of found ?? []) if (isFree(row)) ready.push(row);
      if (ready.length === 0 && found === undefined) return;
      const batch = this.#takeBatch(ready);
      const { rows, released } = await garbage.invalidate(batch, isFree, signal);
      for (const { path } of rows) this.#discard(path);
      for (const row of released) if (isFree(row)) ready.push(row);
      await this.#sweep();
      await pace.rest();
    }
  }

  /** Deletes what is deleted for good, and the links that nothing needs any more. To be called whatever happened. */
  async finish(): Promise<CollectReport> {
    const { onEvent, signal } = this.#options;
    await this.#trash.empty();
    signal.throwIfAborted();
    onEvent({ type: 'collect.phase', phase: 'links' });
    const { freed, saved } = await removeUnusedLinks(this.#parts.directories.realStoreDir, signal);
    const sums = { deleted: this.#deleted, bytesFreed: this.#trash.freed + freed, bytesSaved: saved };
    onEvent({ type: 'collect.finished', ...sums });
    return { ...sums, kept: this.#trash.kept };
  }

  /** As many as may go without freeing much more than was asked for. */
  #takeBatch(ready: GarbageRow[]): number[] {
    const batch: number[] = [];
    let left = (this.#options.maxFreed ?? Number.POSITIVE_INFINITY) - this.#freed;
    while (ready.length > 0 && batch.length < batchSize && (batch.length === 0 || left >= 0)) {
      const { id, narSize } = ready.pop()!;
      left -= narSize;
      batch.push(id);
    }
    return batch;
  }

  #discardLeftover(name: string): void {
    if (this.isEnough) return;
    const { directories, database } = this.#parts;
    const path = `${directories.storeDir}/${name}`;
    if (isStorePath(directories.storeDir, path)) {
      if (this.#collector.protectedPaths.has(path) || database.isValid(path)) return;
      const lock = name.endsWith('.lock') ? removeLock(join(directories.realStoreDir, name)) : 'other';
      if (lock === 'removed') this.#tellDeleted(path);
      if (lock !== 'other') return;
    }
    if (name.startsWith('tmp-'))
      unlessLocked(join(directories.realStoreDir, name), () => this.#discard(path));
    else this.#discard(path);
  }

  #discard(path: string): void {
    const { storeDir, realStoreDir } = this.#parts.directories;
    if (!this.#trash.take(`${realStoreDir}${path.slice(storeDir.length)}`)) return;
    this.#tellDeleted(path);
  }

  #tellDeleted(path: string): void {
    this.#deleted++;
    this.#options.onEvent({ type: 'collect.deleted', path });
  }

  /** Where it matters how much has been freed, that is waited for. */
  async #sweep(): Promise<void> {
    await this.#trash.sweep({ wait: this.#options.maxFreed !== undefined });
  }

  /** A file that others are linked to frees nothing: only with the last of them goes its link in `.links`. */
  get #freed(): number {
    return Math.max(this.#trash.freed, this.#trash.likelyFreed);
  }
}

/** Paths in a transaction, and in a tree of the trash: a few milliseconds' work. */
const batchSize = 256;
