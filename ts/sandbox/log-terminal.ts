import { closeSync, readSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { native } from '../native.js';

/**
 * The terminal a builder writes its log to, read while it runs.
 *
 * The slave stays open here until the end: once nobody holds it, libuv takes the hang-up for the end of the stream
 * although the kernel may still have bytes of it. `finish` gets those instead.
 */
export class LogTerminal {
  readonly #onLog: (chunk: Uint8Array) => void;
  readonly #master: number;
  readonly #stream: ReadStream;
  #open = true;
  /** For the launcher. */
  readonly slave: number;

  constructor(onLog: ((chunk: Uint8Array) => void) | undefined) {
    this.#onLog = onLog ?? (() => {});
    const { master, slave } = native.openPty();
    this.slave = slave;
    this.#master = master;
    this.#stream = new ReadStream(master);
    this.#stream.on('data', this.#onLog);
    this.#stream.on('error', () => {});
  }

  /** To be called when all who write are dead: hands out what they have written and closes the terminal. */
  finish(): void {
    if (!this.#open) return;
    while (this.#stream.read() !== null); // emits what the stream holds
    this.#drain();
    this.close();
  }

  /** Stops reading. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream.destroy();
    closeSync(this.slave);
  }

  /** A terminal whose slave is held open never ends; it has nothing more when a read would wait. */
  #drain(): void {
    for (;;) {
      const chunk = Buffer.allocUnsafe(4096);
      try {
        const size = readSync(this.#master, chunk);
        if (size === 0) return;
        this.#onLog(chunk.subarray(0, size));
      } catch {
        return;
      }
    }
  }
}
