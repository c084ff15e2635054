import { closeSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { AirplantError } from '../base/errors.js';
import type { NarEvent } from '../formats/nar/event.js';
import { native } from '../native.js';

/**
 * Unpacks a NAR to an absolute path that must not exist yet. Every object is made anew in a directory held open, so
 * nothing is ever written through a symlink or over something. Modes are those of new files under the caller's
 * umask. What was unpacked of a damaged NAR is removed again.
 */
export async function restoreNar(events: AsyncIterable<NarEvent>, destination: string): Promise<void> {
  const writer = new TreeWriter(destination);
  try {
    for await (const event of events) writer.write(event);
  } catch (error) {
    if (writer.started) await native.removeTree(destination);
    throw error;
  } finally {
    writer.close();
  }
}

class TreeWriter {
  readonly #destination: string;
  /** Descriptors of the directories being filled: the parent of the destination, then outermost first. */
  readonly #directories: number[];
  #name: string;
  #file = -1;
  #started = false;

  constructor(destination: string) {
    this.#destination = destination;
    this.#directories = [this.#attempt(() => native.openDirectory(dirname(destination)))];
    this.#name = basename(destination);
  }

  /** Whether anything stands at the destination that has been put there by this writer. */
  get started(): boolean {
    return this.#started;
  }

  write(event: NarEvent): void {
    const parent = this.#directories.at(-1)!;
    switch (event.kind) {
      case 'regular':
        this.#file = this.#create(() => native.createFileAt(parent, this.#name, event.executable));
        return;
      case 'data':
        for (let at = 0; at < event.chunk.length; ) at += writeSync(this.#file, event.chunk, at);
        return;
      case 'regular-end':
        this.#closeFile();
        return;
      case 'symlink':
        this.#create(() => native.symlinkAt(event.target, parent, this.#name));
        return;
      case 'directory':
        this.#directories.push(this.#create(() => native.makeDirectoryAt(parent, this.#name)));
        return;
      case 'entry':
        this.#name = event.name;
        return;
      case 'directory-end':
        closeSync(this.#directories.pop()!);
    }
  }

  close(): void {
    this.#closeFile();
    for (const fd of this.#directories.splice(0)) closeSync(fd);
  }

  #create<T>(make: () => T): T {
    const made = this.#attempt(make);
    this.#started = true;
    return made;
  }

  #attempt<T>(make: () => T): T {
    try {
      return make();
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new AirplantError('ERR_FILE', `'${this.#destination}' cannot be unpacked to: ${code}`, { cause });
    }
  }

  #closeFile(): void {
    if (this.#file < 0) return;
    closeSync(this.#file);
    this.#file = -1;
  }
}
