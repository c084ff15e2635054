import { hashPartLength, isStorePath } from '../../formats/store-path.js';
import type { GarbageQueries } from '../garbage-queries.js';
import type { Liveness } from './liveness.js';

/**
 * What processes work on while a collector runs. They go by their hash parts, as in Nix: whoever works on a path also
 * owns the entries of the store beside it that begin like it, its lock file and scratch directory.
 */
export class ProtectedPaths {
  readonly #storeDir: string;
  readonly #hashParts = new Set<string>();
  #fresh: string[] = [];

  constructor(storeDir: string) {
    this.#storeDir = storeDir;
  }

  /** From when this returns, `has` says so. What is no store path is ignored. */
  add(path: string): void {
    if (!isStorePath(this.#storeDir, path)) return;
    const hashPart = this.#hashPartOf(path);
    if (this.#hashParts.has(hashPart)) return;
    this.#hashParts.add(hashPart);
    this.#fresh.push(hashPart);
  }

  has(path: string): boolean {
    return this.#hashParts.has(this.#hashPartOf(path));
  }

  /** Marks what lives with those that have been added since the last time. */
  async markFresh(
    queries: GarbageQueries,
    liveness: Liveness,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    while (this.#fresh.length > 0) {
      const ids = this.#fresh
        .splice(-1000)
        .flatMap((hashPart) => queries.idsOfHashPart(this.#storeDir, hashPart));
      await liveness.mark(ids, signal);
    }
  }

  #hashPartOf(path: string): string {
    return path.slice(this.#storeDir.length + 1, this.#storeDir.length + 1 + hashPartLength);
  }
}
