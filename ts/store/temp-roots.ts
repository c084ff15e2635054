import { ftruncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { LockFile } from './lock-file.js';
import { withShortcut } from './socket-shortcut.js';
import { attempts, unlessAborted } from './waiting.js';

/**
 * Paths that no garbage collector, ours or a real Nix's, may delete while this process lives.
 *
 * They are listed in a file `temproots/<pid>` that is locked for the whole life of the store object: a collector
 * that gets the lock knows that the owner is dead.
 */
export class TempRoots {
  readonly #stateDir: string;
  readonly #onClose: () => void;
  readonly #added = new Set<string>();
  readonly #scopes = new Set<TempRoots>();
  #file: LockFile | undefined;
  /** Of the records in the file. */
  #length = 0;
  #collectorLock: LockFile | undefined;

  constructor(stateDir: string, onClose: () => void = () => {}) {
    this.#stateDir = stateDir;
    this.#onClose = onClose;
  }

  /**
   * Makes paths (logical ones) roots. When this returns, none of them is being deleted, and none will be; but it
   * may have been deleted just before, so validity is to be asked afterwards.
   */
  async add(paths: Iterable<string>, signal?: AbortSignal): Promise<void> {
    const fresh = [...new Set(paths)].filter((path) => !this.#added.has(path));
    if (fresh.length === 0) return;
    this.#file ??= openRootsFile(join(this.#stateDir, 'temproots'));
    this.#collectorLock ??= LockFile.open(join(this.#stateDir, 'gc.lock'));
    // Written first, told afterwards: no collector can start in between and not see them.
    this.#write(fresh);
    await this.#tell(fresh, signal);
    for (const path of fresh) this.#added.add(path);
  }

  /** Tells a collector that runs now of paths which are roots already: it keeps them even if they cease to be. */
  async tellAgain(paths: readonly string[], signal?: AbortSignal): Promise<void> {
    this.#collectorLock ??= LockFile.open(join(this.#stateDir, 'gc.lock'));
    await this.#tell(paths, signal);
  }

  /**
   * More of them, whose protection ends when they are closed, or with these. They have a file of their own, since nothing
   * can be taken back from one: what a Nix finds when it tries to lock that is an owner that is dead.
   */
  scope(): TempRoots {
    const scope = new TempRoots(this.#stateDir, () => this.#scopes.delete(scope));
    this.#scopes.add(scope);
    return scope;
  }

  /** Ends the protection. */
  close(): void {
    for (const scope of this.#scopes) scope.close();
    this.#onClose();
    this.#file?.removeAndClose();
    this.#file = undefined;
    this.#length = 0;
    this.#collectorLock?.close();
    this.#collectorLock = undefined;
    this.#added.clear();
  }

  async #tell(paths: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    for await (const _ of attempts({ signal })) {
      if (this.#nobodyCollects() || (await tellCollector(this.#stateDir, paths, signal))) return;
    }
  }

  /** A collector holds gc.lock exclusively from before it reads the roots until it has deleted the rest. */
  #nobodyCollects(): boolean {
    if (!this.#collectorLock!.tryLock('shared')) return false;
    this.#collectorLock!.unlock();
    return true;
  }

  #write(paths: readonly string[]): void {
    const { fd } = this.#file!;
    const bytes = Buffer.from(paths.map((path) => `${path}\0`).join(''));
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(fd, bytes, at, bytes.length - at, this.#length + at);
    } catch (error) {
      // On a full disk a part may have been written: the next record would be read as the rest of it.
      ftruncateSync(fd, this.#length);
      throw error;
    }
    this.#length += bytes.length;
  }
}

/**
 * The file is called by the process id. Where that one is locked by somebody (another store object of this
 * process, or a process of the same number in another pid namespace), `<pid>-<n>` serves: collectors read every
 * file, and take the number it begins with for the process.
 */
function openRootsFile(directory: string): LockFile {
  for (let n = 0; n < 10_000; n++) {
    const file = LockFile.tryTake(join(directory, n === 0 ? `${process.pid}` : `${process.pid}-${n}`));
    if (file) return file;
  }
  throw new AirplantError('ERR_SYSTEM', `every file ${quote(join(directory, `${process.pid}-*`))} is locked`);
}

/**
 * Sends paths to the running collector and waits until it has noted each. False if none listens any more. Throws the reason
 * of an aborted signal.
 */
async function tellCollector(
  stateDir: string,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { connect } = await import('node:net');
  return await withShortcut(join(stateDir, 'gc-socket'), async (shortcut) => {
    let noted = 0;
    const socket = connect(join(shortcut, 'socket'));
    socket.on('connect', () => socket.write(`${paths[0]}\n`));
    socket.on('data', (answers) => {
      for (const answer of answers) {
        if (answer !== 0x31) return socket.destroy();
        noted++;
      }
      if (noted < paths.length) socket.write(`${paths[noted]}\n`);
      else socket.destroy();
      return undefined;
    });
    socket.on('error', () => {});
    const closed = new Promise<boolean>((resolve) => {
      socket.on('close', () => resolve(noted === paths.length));
    });
    try {
      return await unlessAborted(closed, signal);
    } finally {
      socket.destroy();
    }
  });
}
