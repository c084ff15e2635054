import { closeSync, mkdirSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { encodeText } from '../base/text.js';
import type { NarEvent } from '../formats/nar/event.js';

/**
 * Unpacks a NAR to a path that must not exist yet. Nothing is ever written through a symlink: every object is made
 * anew (O_EXCL), and the reader of NARs lets no name pass twice or with a slash in it. Modes are those of new files
 * under the caller's umask. What was unpacked of a damaged NAR is removed again.
 */
export async function restoreNar(events: AsyncIterable<NarEvent>, destination: string): Promise<void> {
  const writer = new TreeWriter(Buffer.from(destination));
  try {
    for await (const event of events) writer.write(event);
  } catch (error) {
    writer.undo();
    throw error;
  }
}

class TreeWriter {
  readonly #destination: Buffer;
  /** Directories being filled, outermost first. */
  readonly #open: Buffer[] = [];
  #path: Buffer;
  #fd = -1;
  #made = false;

  constructor(destination: Buffer) {
    this.#destination = destination;
    this.#path = destination;
  }

  write(event: NarEvent): void {
    switch (event.kind) {
      case 'regular':
        this.#create(() => {
          this.#fd = openSync(this.#path, 'wx', event.executable ? 0o777 : 0o666);
        });
        return;
      case 'data':
        for (let at = 0; at < event.chunk.length; ) at += writeSync(this.#fd, event.chunk, at);
        return;
      case 'regular-end':
        this.#closeFile();
        return;
      case 'symlink':
        this.#create(() => symlinkSync(encodeText(event.target), this.#path));
        return;
      case 'directory':
        this.#create(() => mkdirSync(this.#path));
        this.#open.push(this.#path);
        return;
      case 'entry':
        this.#path = Buffer.concat([this.#open.at(-1)!, Buffer.from('/'), encodeText(event.name)]);
        return;
      case 'directory-end':
        this.#open.pop();
    }
  }

  undo(): void {
    this.#closeFile();
    if (this.#made) rmSync(this.#destination, { recursive: true, force: true });
  }

  #create(make: () => void): void {
    try {
      make();
      this.#made = true;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new AirplantError('ERR_FILE', `'${this.#path.toString()}' cannot be created: ${code}`, { cause });
    }
  }

  #closeFile(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}
