import { filterLine } from '../base/terminal-filter.js';

/** More of one line than this is not worth showing, and a builder may write lines without end. */
const longestLine = 4096;

/**
 * Keeps the last lines of a builder's output in bounded memory. A carriage return inside a line moves back to its
 * start, as on the terminal the builder believes to write to; lines starting with `@nix ` are messages for
 * programs and are left out, as Nix does. The lines end up in error messages, so what would drive a terminal is taken
 * out of them, colours too.
 */
export class LastLines {
  readonly #most: number;
  readonly #lines: string[] = [];
  readonly #decoder = new TextDecoder('utf-8');
  #current = '';

  constructor(most: number) {
    this.#most = most;
  }

  push(chunk: Uint8Array): void {
    const pieces = (this.#current + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#current = pieces.pop()!.slice(-longestLine);
    for (const piece of pieces) this.#add(piece);
  }

  /** The lines so far, oldest first; the unfinished last one counts when it is not empty. */
  lines(): string[] {
    const unfinished = visible(this.#current);
    return unfinished === '' ? [...this.#lines] : [...this.#lines, unfinished].slice(-this.#most);
  }

  #add(piece: string): void {
    if (this.#most === 0 || piece.startsWith('@nix ')) return;
    this.#lines.push(visible(piece));
    if (this.#lines.length > this.#most) this.#lines.shift();
  }
}

function visible(line: string): string {
  const text = line.replace(/\r+$/, '');
  const shown = text.slice(text.lastIndexOf('\r') + 1).slice(0, longestLine);
  return filterLine(shown, { colours: false });
}
