import { lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { native, type RemovedTree } from '../../native.js';
import { PathLocks } from '../locks.js';
import type { StoreParts } from '../store-parts.js';
import type { KeptGarbage } from './records.js';

/**
 * Where a collector moves what it deletes: a directory of the store, which nobody takes for a store path. What is moved is
 * out of the way at once, so that it can be made anew, and is removed beside other work, a batch at a time.
 *
 * What an interrupted collector leaves in it the next one removes; a real Nix does so, too. What cannot be moved here (the
 * disk is full, the file system moves no directories, the directory is another user's) is removed where it is, with the lock
 * of its path held.
 */
export class Trash {
  readonly #directory: string;
  readonly #signal: AbortSignal | undefined;
  readonly #takeBack: StoreParts['takeBack'];
  readonly #kept: KeptGarbage[] = [];
  readonly #removals = new Set<Promise<void>>();
  /** What is to be removed where it is, with its lock. */
  readonly #inPlace: { readonly place: string; readonly locks: PathLocks }[] = [];
  #batch: string | undefined;
  #inBatch = 0;
  #freed = 0;
  #likelyFreed = 0;

  /** Opens the trash of the store at `realStoreDir` and begins to empty it. The caller is the only collector. */
  constructor(
    realStoreDir: string,
    { signal, takeBack }: { readonly signal?: AbortSignal | undefined } & Pick<StoreParts, 'takeBack'>,
  ) {
    this.#directory = join(realStoreDir, trashName);
    this.#signal = signal;
    this.#takeBack = takeBack;
    this.#remove(this.#emptied());
  }

  /** Bytes freed until now. */
  get freed(): number {
    return this.#freed;
  }

  /** The same as Nix counts them: see `RemovedTree`. */
  get likelyFreed(): number {
    return this.#likelyFreed;
  }

  /** What could not be deleted, up to a thousand. */
  get kept(): readonly KeptGarbage[] {
    return this.#kept;
  }

  /** Moves a file or tree of the store in here; nothing happens if it is gone. False if it stays, which `kept` explains. */
  take(place: string): boolean {
    try {
      this.#batch ??= this.#newBatch();
      native.moveTree(place, join(this.#batch, String(this.#inBatch)), 'replace');
      this.#inBatch++;
      return true;
    } catch {
      return this.#takeInPlace(place);
    }
  }

  /** Begins to remove what has been moved here; waits for earlier batches if there are many, or for all. */
  async sweep({ wait }: { readonly wait: boolean }): Promise<void> {
    if (this.#batch !== undefined) this.#remove([this.#batch]);
    // Each has a descriptor open for its lock.
    await this.#removeInPlace();
    this.#batch = undefined;
    this.#inBatch = 0;
    while (this.#removals.size >= (wait ? 1 : mostRemovals)) await Promise.race(this.#removals);
  }

  /** Resolves when all that was moved here is gone. Once stopped, what is left is left. */
  async empty(): Promise<void> {
    await this.sweep({ wait: true });
    removeIfEmpty(this.#directory);
  }

  /** Sees to it that there is a trash, if that can be done, and returns what lies in it. */
  #emptied(): string[] {
    try {
      // Whoever may write to the store may have put a link here to what we are to empty.
      const there = lstatSync(this.#directory, { throwIfNoEntry: false });
      if (there && !there.isDirectory()) unlinkSync(this.#directory);
      if (!there?.isDirectory()) mkdirSync(this.#directory, { mode: 0o700 });
      return readdirSync(this.#directory).map((name) => join(this.#directory, name));
    } catch {
      return [];
    }
  }

  /**
   * Whoever wants to make the path anew waits for its lock, or has it. What is removed would otherwise be what he has made
   * meanwhile.
   */
  #takeInPlace(place: string): boolean {
    try {
      if (!lstatSync(place, { throwIfNoEntry: false })) return true;
      const locks = PathLocks.tryTake([place]);
      if (typeof locks === 'string') throw new Error('somebody else has its lock');
      this.#inPlace.push({ place, locks });
      return true;
    } catch (error) {
      this.#keep(place, error);
      return false;
    }
  }

  #newBatch(): string {
    for (;;) {
      const directory = join(this.#directory, `${process.pid}-${counter++}`);
      try {
        mkdirSync(directory, { mode: 0o700 });
        return directory;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  async #removeInPlace(): Promise<void> {
    for (const { place, locks } of this.#inPlace.splice(0)) {
      // What cannot be removed is named itself, and not what lies in it.
      await this.#removeTree(place, 1);
      locks.release({ delete: true });
    }
  }

  #remove(directories: readonly string[]): void {
    const removal = this.#removeInTurn(directories).finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async #removeInTurn(directories: readonly string[]): Promise<void> {
    for (const directory of directories) await this.#removeTree(directory);
  }

  /** Never rejects. What cannot be removed does not keep what lies beside it. */
  async #removeTree(tree: string, depth = 0): Promise<void> {
    try {
      this.#count(await native.removeTree(tree, { signal: this.#signal }));
    } catch (error) {
      if (this.#signal?.aborted) return;
      if (depth > 0) return await this.#removeForeign(tree, error);
      for (const name of namesIn(tree)) await this.#removeTree(join(tree, name), depth + 1);
      removeIfEmpty(tree);
    }
  }

  /** What may hold files of a builder that had other ids, whose sandbox was killed before it could give them back. */
  async #removeForeign(tree: string, reason: unknown): Promise<void> {
    try {
      if (!isRefusal(reason) || !(await this.#takeBack?.(tree))) return this.#keep(tree, reason);
      this.#count(await native.removeTree(tree, { signal: this.#signal }));
    } catch (error) {
      if (!this.#signal?.aborted) this.#keep(tree, error);
    }
  }

  #count({ freed, likelyFreed }: RemovedTree): void {
    this.#freed += freed;
    this.#likelyFreed += likelyFreed;
  }

  #keep(place: string, error: unknown): void {
    if (this.#kept.length >= mostKept) return;
    this.#kept.push({ place, message: (error as Error).message });
  }
}

/** Name of the trash in the real store directory. */
export const trashName = '.trash';

/** Batches that are removed at a time: on most disks more would only wait for one another. */
const mostRemovals = 4;
const mostKept = 1000;
let counter = 0;

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Something in it could not be removed.
  }
}

function isRefusal(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
