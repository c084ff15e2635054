import { compareText } from '../base/text.js';
import { LockFile } from './lock-file.js';
import { attempts, type WaitOptions } from './waiting.js';

/**
 * Locks on store paths that a real Nix on the same store respects, and the other way round: flock(2) on
 * `<path>.lock`. One process that asks twice waits for itself.
 */
export class PathLocks {
  readonly #files: ReadonlyMap<string, LockFile>;

  private constructor(files: ReadonlyMap<string, LockFile>) {
    this.#files = files;
  }

  /**
   * Locks all of the paths (real ones, without `.lock`), or, while any is busy, none: nobody waits with a lock in
   * hand, so there is no deadlock. `onWait` is told the first busy path of the first attempt.
   */
  static async take(
    paths: Iterable<string>,
    {
      signal,
      onWait,
    }: { signal?: AbortSignal | undefined; onWait?: ((busyPath: string) => void) | undefined },
  ): Promise<PathLocks> {
    const wanted = [...paths];
    let busyPath = '';
    const wait: WaitOptions = { signal, onWait: () => onWait?.(busyPath) };
    for await (const _ of attempts(wait)) {
      const taken = PathLocks.tryTake(wanted);
      if (typeof taken !== 'string') return taken;
      busyPath = taken;
    }
    throw new Error('unreachable: the attempts never end by themselves');
  }

  /** The same at once, or the first path that is busy. */
  static tryTake(paths: Iterable<string>): PathLocks | string {
    const taken = tryAll([...new Set(paths)].sort(compareText));
    return typeof taken === 'string' ? taken : new PathLocks(taken);
  }

  /** True if this holds the lock of the (real) path. */
  holds(path: string): boolean {
    return this.#files.has(path);
  }

  /**
   * Gives the locks back; again is harmless. `delete` also removes the files, which Nix does once the paths are
   * valid: until then an empty lock file stays, as its builds leave it.
   */
  release(options: { readonly delete: boolean }): void {
    for (const file of this.#files.values()) {
      if (options.delete) file.removeAndClose();
      else file.close();
    }
  }
}

/** All locks, or the first path whose lock is busy. */
function tryAll(sorted: readonly string[]): Map<string, LockFile> | string {
  const files = new Map<string, LockFile>();
  const releaseAll = () => {
    for (const file of files.values()) file.close();
  };
  try {
    for (const path of sorted) {
      const file = LockFile.tryTake(`${path}.lock`);
      if (!file) {
        releaseAll();
        return path;
      }
      files.set(path, file);
    }
    return files;
  } catch (error) {
    releaseAll();
    throw error;
  }
}
