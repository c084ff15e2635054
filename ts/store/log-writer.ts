import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { quote } from '../base/quote.js';
import { storeError } from './store-parts.js';

/** One log being written. */
export class LogWriter {
  readonly path: string;
  readonly #stream: WriteStream;
  readonly #compress: boolean;
  #failure: unknown;
  #behind: Promise<void> | undefined;

  private constructor(path: string, compress: boolean, stream: WriteStream) {
    this.path = path;
    this.#compress = compress;
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure = storeError(error, `writing the build log ${quote(path)}`);
    });
  }

  static async open(path: string, { compress }: { readonly compress: boolean }): Promise<LogWriter> {
    const handle = await open(path, 'w', 0o644);
    return new LogWriter(path, compress, createWriteStream(path, { fd: handle as unknown as number }));
  }

  /**
   * Takes more of the log; a promise means that the disk is behind and the caller should wait. The chunk must not
   * change any more. Rejects with ERR_DISK_FULL or ERR_SYSTEM once writing has failed.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#stream.write(chunk)) return undefined;
    this.#behind ??= this.#catchUp();
    return this.#behind;
  }

  /** Ends the log. Rejects as `write` does. */
  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream).catch(() => {});
    if (this.#failure) throw this.#failure;
    if (!this.#compress || this.#stream.bytesWritten <= worthCompressing) return;
    const { compressFile } = await import('./bzip2.js');
    await compressFile(this.path);
  }

  /** One wait for everything that is written meanwhile. */
  async #catchUp(): Promise<void> {
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#stream.off('drain', settle).off('close', settle);
        resolve();
      };
      this.#stream.on('drain', settle).on('close', settle);
    });
    this.#behind = undefined;
    if (this.#failure) throw this.#failure;
  }
}

/** Bytes. Below it compression saves little disk, and starting a program costs more than the log did. */
const worthCompressing = 32 * 1024;
