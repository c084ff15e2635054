import { StringDecoder } from 'node:string_decoder';
import { parseBuilderMessage } from '../base/builder-message.js';
import { LineCutter, type LinePiece } from '../base/line-cutter.js';
import { filterLine } from '../base/terminal-filter.js';

/** More of one line than this is not worth showing, and a builder may write lines without end. */
const longestLine = 4096;

/**
 * Keeps the last lines of a builder's output in bounded memory. A carriage return inside a line moves back to its
 * start, as on the terminal the builder believes to write to; messages for programs (`@nix {…}`) are left out, as Nix
 * does. The lines end up in error messages, so what would drive a terminal is taken out of them, colours too.
 */
export class LastLines {
  readonly #most: number;
  readonly #lines: string[] = [];
  readonly #decoder = new StringDecoder('utf8');
  readonly #cutter = new LineCutter();

  constructor(most: number) {
    this.#most = most;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (const piece of this.#cutter.push(this.#decoder.write(bytes))) this.#add(piece);
  }

  /** The lines so far, oldest first; the unfinished last one counts when it is not empty. */
  lines(): string[] {
    const rest = this.#cutter.unfinished();
    const unfinished = parseBuilderMessage(rest) ? '' : visible(rest);
    const lines = this.#lines.map(visible);
    return unfinished === '' ? lines : [...lines, unfinished].slice(-this.#most);
  }

  #add({ text, whole }: LinePiece): void {
    if (this.#most === 0 || (whole && parseBuilderMessage(text))) return;
    this.#lines.push(text.slice(0, longestLine));
    if (this.#lines.length > this.#most) this.#lines.shift();
  }
}

/** Few lines are ever shown, so they are made safe only then. */
function visible(line: string): string {
  return filterLine(line.slice(0, longestLine), { colours: false });
}
