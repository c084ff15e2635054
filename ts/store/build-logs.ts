import type { ChildProcess } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, rmSync, type WriteStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { AirplantError } from '../base/errors.js';
import { parseStorePath } from '../formats/store-path.js';
import type { StoreDirectories } from './directories.js';
import { storeError } from './store-parts.js';

/**
 * Build logs where Nix keeps them: `drvs/<first 2 characters>/<rest of the .drv's base name>`, plain or `.bz2`.
 *
 * A log is plain while it is written, so that it can be read (`nix log` too) while the build runs and after a
 * crash. When it is complete and longer than a few blocks of the disk, bzip2 compresses it, if that is installed.
 */
export class BuildLogs {
  readonly #directories: StoreDirectories;

  constructor(directories: StoreDirectories) {
    this.#directories = directories;
  }

  /** Starts the log of a build; an earlier log of the same derivation is gone then. */
  async create(drvPath: string): Promise<LogWriter> {
    const file = this.#file(drvPath);
    try {
      mkdirSync(dirname(file), { recursive: true });
      // A log of a version that compressed must not stand beside the new one.
      rmSync(`${file}.bz2`, { force: true });
      return await LogWriter.open(file);
    } catch (error) {
      throw storeError(error, `writing the log of ${drvPath}`);
    }
  }

  /** The bytes of a log as the builder wrote them, or undefined if there is none. */
  async read(drvPath: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const base = parseStorePath(this.#directories.storeDir, drvPath).base;
    // Nix 1 kept all logs in one directory.
    for (const file of [this.#file(drvPath), join(this.#directories.logDir, 'drvs', base)]) {
      if (await exists(file)) return createReadStream(file);
      if (await exists(`${file}.bz2`)) return decompressed(`${file}.bz2`);
    }
    return undefined;
  }

  #file(drvPath: string): string {
    const { base } = parseStorePath(this.#directories.storeDir, drvPath);
    return join(this.#directories.logDir, 'drvs', base.slice(0, 2), base.slice(2));
  }
}

/** One log being written. */
export class LogWriter {
  readonly path: string;
  readonly #stream: WriteStream;
  #failure: unknown;

  private constructor(path: string, stream: WriteStream) {
    this.path = path;
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure = storeError(error, 'writing a build log');
    });
  }

  static async open(path: string): Promise<LogWriter> {
    const handle = await open(path, 'w', 0o644);
    return new LogWriter(path, createWriteStream(path, { fd: handle as unknown as number }));
  }

  /**
   * Takes more of the log; a promise means that the disk is behind and the caller should wait. The chunk must not
   * change any more. Rejects with ERR_DISK_FULL or ERR_SYSTEM once writing has failed.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#stream.write(chunk)) return undefined;
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#stream.off('drain', settle).off('close', settle);
        if (this.#failure) reject(this.#failure);
        else resolve();
      };
      this.#stream.once('drain', settle).once('close', settle);
    });
  }

  /** Ends the log. Rejects as `write` does. */
  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream).catch(() => {});
    if (this.#failure) throw this.#failure;
    if (this.#stream.bytesWritten > worthCompressing) await compress(this.path);
  }
}

/** Bytes. Below it compression saves little disk, and starting a program costs more than the log did. */
const worthCompressing = 32 * 1024;

/** Replaces the file by `<file>.bz2`. Where that fails (no bzip2, no space), the plain log stays, which is as good. */
async function compress(file: string): Promise<void> {
  const partial = `${file}.bz2.tmp-${process.pid}`;
  let source: FileHandle | undefined;
  let target: FileHandle | undefined;
  try {
    source = await open(file, 'r');
    target = await open(partial, 'wx', 0o644);
    // Loading node:child_process takes 14 ms, and most runs never compress anything.
    const { spawn } = await import('node:child_process');
    await exitOf(spawn('bzip2', ['-c'], { stdio: [source.fd, target.fd, 'ignore'] }));
    await rename(partial, `${file}.bz2`);
    await rm(file);
  } catch {
    await rm(partial, { force: true });
  } finally {
    await source?.close();
    await target?.close();
  }
}

async function* decompressed(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const source = await open(file, 'r');
  try {
    const { spawn } = await import('node:child_process');
    const child = spawn('bzip2', ['-dc'], { stdio: [source.fd, 'pipe', 'ignore'] });
    const exit = exitOf(child);
    // Looked at below, once the output has ended.
    exit.catch(() => {});
    try {
      yield* child.stdout! as AsyncIterable<Uint8Array>;
      await exit;
    } finally {
      child.kill();
    }
  } catch (cause) {
    throw new AirplantError('ERR_FILE', `the log '${file}' cannot be decompressed`, {
      hint: 'Install bzip2, or decompress it elsewhere.',
      cause,
      details: { file },
    });
  } finally {
    await source.close();
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`bzip2 ended with ${signal ?? `exit status ${code}`}`));
    });
  });
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
