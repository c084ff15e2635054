import { closeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { native } from '../native.js';

/** Gets output as it comes. A promise holds the builder's terminal back until it is settled. Must not throw or reject. */
export type LogSink = (chunk: Uint8Array) => unknown;

/**
 * The terminal a builder writes its log to, read while it runs.
 *
 * The slave stays open here until the end: once nobody holds it, libuv takes the hang-up for the end of the stream
 * although the kernel may still have bytes of it. `finish` gets those instead.
 */
export class LogTerminal {
  readonly #onLog: LogSink;
  readonly #master: number;
  #stream: ReadStream | undefined;
  #open = true;
  /** For the launcher. */
  readonly slave: number;

  /** `usual`: for somebody who types. */
  constructor(onLog: LogSink | undefined, mode: 'raw' | 'usual' = 'raw') {
    this.#onLog = onLog ?? (() => undefined);
    const { master, slave } = native.openPty(mode);
    this.#master = master;
    this.slave = slave;
  }

  /** Starts reading. Not done by the constructor, so that the sandbox is being set up meanwhile. */
  read(): void {
    const stream = new ReadStream(this.#master);
    this.#stream = stream;
    stream.on('error', () => {});
    stream.on('data', (chunk: Uint8Array) => {
      const held = this.#onLog(chunk);
      if (!(held instanceof Promise)) return;
      // What the kernel does not take meanwhile, the builder waits to write: memory stays bounded.
      stream.pause();
      held.then(() => {
        if (this.#open) stream.resume();
      });
    });
  }

  /** What is typed; after `read`. */
  write(chunk: Uint8Array): void {
    if (this.#open) this.#stream?.write(chunk);
  }

  resize(columns: number, rows: number): void {
    if (this.#open) native.setTerminalSize(this.#master, columns, rows);
  }

  /** To be called when all who write are dead: hands out what they have written and closes the terminal. */
  finish(): void {
    if (!this.#open) return;
    while (this.#stream?.read()); // emits what the stream holds
    this.#drain();
    this.close();
  }

  /** Stops reading. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#stream) this.#stream.destroy();
    else closeSync(this.#master);
    closeSync(this.slave);
  }

  /**
   * A terminal whose slave is held open never ends; it has nothing more when a read would wait. The kernel keeps less
   * than 128 KiB, so whoever writes on and on is not among the dead.
   */
  #drain(): void {
    for (let chunks = 0; chunks < 32; chunks++) {
      const size = native.readAvailable(this.#master, drainBuffer);
      if (size === 0) return;
      this.#onLog(Buffer.from(drainBuffer.subarray(0, size)));
    }
  }
}

const drainBuffer = new Uint8Array(4096);
