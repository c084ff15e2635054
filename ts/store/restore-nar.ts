import { closeSync, write, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { withCaseHack } from '../formats/nar/case-hack.js';
import type { NarEvent } from '../formats/nar/event.js';
import { native } from '../native.js';

/**
 * Unpacks a NAR at `destination`, which must not exist while its directory must; with `canonicalise` it comes out
 * as a store path looks (modes 0444 and 0555, mtime 1), otherwise with the modes of new files under the umask. With
 * `caseHack`, names that differ only in case are told apart (`withCaseHack`).
 *
 * Every file is made new, by a single name below a directory held open, so that nothing an archive holds, and
 * nobody who moves things about meanwhile, leads anywhere else. On failure nothing is left at `destination`.
 *
 * Throws what `events` throws, ERR_FILE if `destination` exists or its directory does not, ERR_DISK_FULL and
 * ERR_SYSTEM with the path that could not be written.
 */
export async function restoreNar(
  events: AsyncIterable<NarEvent> | Iterable<NarEvent>,
  destination: string,
  options: { readonly canonicalise?: boolean; readonly caseHack?: boolean } = {},
): Promise<void> {
  const writer = new TreeWriter(destination);
  try {
    for await (const event of options.caseHack ? withCaseHack(events) : events) {
      // Most events are done at once; waiting for those would cost more than the work.
      const pending = writer.write(event);
      if (pending) await pending;
    }
    writer.end();
    if (options.canonicalise) await native.canonicaliseTree(destination);
  } catch (error) {
    writer.close();
    // The first failure is the one to report.
    if (writer.started) await native.removeTree(destination).catch(() => 0);
    throw error;
  }
}

const writeAsync = promisify(write);

/** Chunks up to this length are written at once: a turn of the thread pool takes longer than the page cache. */
const smallChunk = 16 * 1024;

class TreeWriter {
  readonly #destination: string;
  /** Open directories, that of the destination first, and the names that led there. */
  readonly #directories: number[] = [];
  readonly #names: string[] = [];
  #name: string;
  #file: number | undefined;
  /** Something has been made at the destination. */
  started = false;

  constructor(destination: string) {
    this.#destination = destination;
    this.#name = basename(destination);
    this.#directories.push(this.#attempt(() => native.openDirectory(dirname(destination))));
  }

  write(event: NarEvent): Promise<void> | undefined {
    switch (event.kind) {
      case 'directory':
        this.#directories.push(this.#make((parent) => native.makeDirectoryAt(parent, this.#name)));
        this.#names.push(this.#name);
        return;
      case 'entry':
        this.#name = event.name;
        return;
      case 'directory-end':
        closeSync(this.#directories.pop()!);
        this.#name = this.#names.pop()!;
        return;
      case 'symlink':
        this.#make((parent) => native.symlinkAt(event.target, parent, this.#name));
        return;
      case 'regular':
        this.#file = this.#make((parent) => native.createFileAt(parent, this.#name, event.executable));
        return;
      case 'data':
        return this.#append(event.chunk);
      case 'regular-end':
        this.#closeFile();
    }
  }

  /** The events were all of one NAR: closes the directory of the destination. */
  end(): void {
    if (!this.started || this.#directories.length !== 1 || this.#file !== undefined) {
      throw new AirplantError('ERR_NAR', `the archive for ${quote(this.#destination)} ends in the middle`);
    }
    this.close();
  }

  close(): void {
    this.#closeFile();
    for (const directory of this.#directories.splice(0)) closeSync(directory);
  }

  #append(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.length > smallChunk) return this.#appendLarge(chunk);
    this.#attempt(() => {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#file!, chunk, at);
    });
    return;
  }

  async #appendLarge(chunk: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < chunk.length; ) at += (await writeAsync(this.#file!, chunk, at)).bytesWritten;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #make<T>(make: (parent: number) => T): T {
    const made = this.#attempt(() => make(this.#directories.at(-1)!));
    this.started = true;
    return made;
  }

  #attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(cause: unknown): Error {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (code === undefined) return cause as Error;
    const path = [
      this.#destination,
      ...this.#names.slice(1),
      ...(this.#names.length > 0 ? [this.#name] : []),
    ];
    const where = quote(path.join('/'));
    const details = { path: path.join('/'), errno: code };
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      return new AirplantError('ERR_DISK_FULL', `no room for ${where}`, { cause, details });
    }
    const atTop = !this.started && (code === 'EEXIST' || code === 'ENOENT' || code === 'ENOTDIR');
    if (atTop) {
      const why = code === 'EEXIST' ? 'exists already' : 'is in a directory that does not exist';
      return new AirplantError('ERR_FILE', `${where} ${why}`, { cause, details });
    }
    return new AirplantError('ERR_SYSTEM', `cannot write ${where}: ${syscall}: ${code}`, { cause, details });
  }

  #closeFile(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
