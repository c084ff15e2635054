import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { quote } from '../base/quote.js';
import { LogTimesEncoder } from './log-times.js';
import { storeError } from './store-parts.js';

/** One log being written. */
export class LogWriter {
  readonly path: string;
  readonly #stream: WriteStream;
  readonly #compress: boolean;
  readonly #times: TimesFile | undefined;
  #failure: unknown;
  #behind: Promise<void> | undefined;

  private constructor(
    path: string,
    stream: WriteStream,
    { compress, times }: { readonly compress: boolean; readonly times: TimesFile | undefined },
  ) {
    this.path = path;
    this.#compress = compress;
    this.#stream = stream;
    this.#times = times;
    stream.on('error', (error) => {
      this.#failure = storeError(error, `writing the build log ${quote(path)}`);
    });
  }

  /** `times`: the file that says when each line came, if there is to be one. */
  static async open(
    path: string,
    { compress, times }: { readonly compress: boolean; readonly times?: string },
  ): Promise<LogWriter> {
    const stream = await streamTo(path);
    const timesFile = times === undefined ? undefined : await openTimes(times);
    return new LogWriter(path, stream, { compress, times: timesFile });
  }

  /**
   * Takes more of the log; a promise means that the disk is behind and the caller should wait. The chunk must not
   * change any more. Rejects with ERR_DISK_FULL or ERR_SYSTEM once writing has failed.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#times?.note(chunk);
    if (this.#stream.write(chunk)) return undefined;
    this.#behind ??= this.#catchUp();
    return this.#behind;
  }

  /** Ends the log. Rejects as `write` does. */
  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream).catch(() => {});
    if (this.#failure) throw this.#failure;
    await this.#times?.close();
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

async function streamTo(path: string): Promise<WriteStream> {
  const handle = await open(path, 'w', 0o644);
  return createWriteStream(path, { fd: handle as unknown as number });
}

/** The times of a log. Nobody needs them enough to fail a build for them: what cannot be written is left out. */
class TimesFile {
  readonly #stream: WriteStream;
  readonly #encoder: LogTimesEncoder;

  constructor(stream: WriteStream, encoder: LogTimesEncoder) {
    this.#stream = stream;
    this.#encoder = encoder;
    stream.on('error', () => {});
    stream.write(encoder.begin());
  }

  note(chunk: Uint8Array): void {
    const bytes = this.#encoder.chunk(chunk, Date.now());
    if (bytes && this.#stream.writable) this.#stream.write(bytes);
  }

  async close(): Promise<void> {
    if (this.#stream.writable) this.#stream.end(this.#encoder.end());
    await finished(this.#stream).catch(() => {});
  }
}

async function openTimes(path: string): Promise<TimesFile | undefined> {
  try {
    return new TimesFile(await streamTo(path), new LogTimesEncoder(Date.now()));
  } catch {
    return undefined;
  }
}

/** Bytes. Below it compression saves little disk, and starting a program costs more than the log did. */
const worthCompressing = 32 * 1024;
