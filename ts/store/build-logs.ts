import { createReadStream, rmSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../base/make-directory.js';
import { parseStorePath } from '../formats/store-path.js';
import type { StoreDirectories } from './directories.js';
import type { LogTimes } from './log-times.js';
import type { LogWriter } from './log-writer.js';
import { storeError } from './store-parts.js';

/**
 * Build logs where Nix keeps them: `drvs/<first 2 characters>/<rest of the .drv's base name>`, plain or `.bz2`.
 *
 * A log is plain while it is written, so that it can be read (`nix log` too) while the build runs and after a
 * crash. When it is complete and longer than a few blocks of the disk, bzip2 compresses it, if that is wanted and
 * installed. Beside it is a small file of ours that says when each line came (`LogTimes`).
 */
export class BuildLogs {
  readonly #directories: StoreDirectories;

  constructor(directories: StoreDirectories) {
    this.#directories = directories;
  }

  /** Starts the log of a build; an earlier log of the same derivation is gone then. */
  async create(drvPath: string, options = { compress: true }): Promise<LogWriter> {
    const file = this.#file(drvPath);
    const { LogWriter } = await import('./log-writer.js');
    try {
      makeDirectory(dirname(file), 0o755);
      // A log of a version that compressed must not stand beside the new one.
      for (const old of [`${file}.bz2`, timesOf(file)]) rmSync(old, { force: true });
      return await LogWriter.open(file, { ...options, times: timesOf(file) });
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
      if (await exists(`${file}.bz2`)) return (await import('./bzip2.js')).decompressFile(`${file}.bz2`);
    }
    return undefined;
  }

  /**
   * When the lines of a log came. Undefined if that is not known, or no longer: the log may be of a Nix, which keeps
   * no times.
   */
  async readTimes(drvPath: string): Promise<LogTimes | undefined> {
    const bytes = await readFile(timesOf(this.#file(drvPath))).catch(() => undefined);
    if (!bytes) return undefined;
    const [{ decodeLogTimes }, { belongTo }] = await Promise.all([
      import('./log-times.js'),
      import('./timed-lines.js'),
    ]);
    const times = decodeLogTimes(bytes);
    const log = times && (await this.read(drvPath));
    return times && log && (await belongTo(times, log)) ? times : undefined;
  }

  #file(drvPath: string): string {
    const { base } = parseStorePath(this.#directories.storeDir, drvPath);
    return join(this.#directories.logDir, 'drvs', base.slice(0, 2), base.slice(2));
  }
}

function timesOf(file: string): string {
  return `${file}.times`;
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
