import { closeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { Deferred } from '../base/deferred.js';
import { native } from '../native.js';

/**
 * The terminal a builder writes its log to. `slave` is for the launcher, and must be closed here once it is sent;
 * `ended` resolves when every byte has been handed to `onLog` and nobody holds the terminal any more.
 */
export class LogTerminal {
  readonly #master: ReadStream;
  readonly #ended = new Deferred<void>();
  readonly slave: number;

  constructor(onLog: ((chunk: Uint8Array) => void) | undefined) {
    const { master, slave } = native.openPty();
    this.slave = slave;
    this.#master = new ReadStream(master);
    this.#master.on('data', (chunk: Uint8Array) => onLog?.(chunk));
    // Linux ends a terminal without holders with EIO.
    this.#master.on('error', () => {});
    this.#master.on('close', () => this.#ended.resolve());
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  closeSlave(): void {
    closeSync(this.slave);
  }

  /** Stops reading, whatever may still come. */
  close(): void {
    this.#master.destroy();
  }
}
