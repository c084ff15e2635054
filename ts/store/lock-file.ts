import { closeSync, constants, fstatSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { native } from '../native.js';
import { attempts, type WaitOptions } from './waiting.js';

/** A file opened to be locked, in Nix's way: flock(2), mode 0600. The lock ends with the process. */
export class LockFile {
  readonly path: string;
  readonly fd: number;
  #open = true;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  /** Opens the file, creating it if need be; a symlink is refused. Nothing is locked yet. */
  static open(path: string): LockFile {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    return new LockFile(path, openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600));
  }

  /**
   * Takes the lock of a file that its last holder may delete: undefined if another holder has it.
   * A deleted one is told by its size, which is Nix's mark, or by having no name any more.
   */
  static tryTake(path: string): LockFile | undefined {
    for (;;) {
      const file = LockFile.open(path);
      try {
        if (!file.tryLock('exclusive')) {
          file.close();
          return undefined;
        }
        const { size, nlink } = fstatSync(file.fd);
        if (size === 0 && nlink > 0) return file;
        // A file that was marked but never removed would otherwise be found again for ever.
        if (nlink > 0) unlinkSync(path);
        file.close();
      } catch (error) {
        file.close();
        throw error;
      }
    }
  }

  tryLock(mode: 'shared' | 'exclusive'): boolean {
    return native.tryLock(this.fd, mode);
  }

  unlock(): void {
    native.unlock(this.fd);
  }

  /** Waits for the lock without blocking the event loop. `onWait` is called once, if there is a wait at all. */
  async lock(mode: 'shared' | 'exclusive', options: WaitOptions = {}): Promise<void> {
    for await (const _ of attempts(options)) if (this.tryLock(mode)) return;
  }

  /**
   * Removes a file whose lock is held, and gives the lock back. Whoever waits for it sees the mark and starts over
   * with a new file. A file that cannot be removed stays, unmarked, and is as good a lock as before.
   */
  removeAndClose(): void {
    if (!this.#open) return;
    try {
      unlinkSync(this.path);
      writeSync(this.fd, 'd');
    } catch {
      // Without a mark it shows by its missing name.
    } finally {
      this.close();
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }
}
