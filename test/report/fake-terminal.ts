import assert from 'node:assert/strict';
import type { ReportStream } from '../../ts/report/reporter.js';

/**
 * A terminal in memory that obeys what the live window writes (newline, carriage return, cursor up, erase below,
 * synchronised updates, colours) and fails the test on any other escape sequence.
 */
export class FakeTerminal implements ReportStream {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  writes = 0;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns = 80) {
    this.columns = columns;
  }

  write(text: string): void {
    this.writes++;
    for (const [piece] of text.matchAll(/\x1b\[[?0-9;]*[A-Za-z]|\x1b|[^\x1b]/gu)) this.#obey(piece);
  }

  /** Everything on it and scrolled off it, without trailing blank lines. */
  get text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  #obey(piece: string): void {
    if (/^\x1b\[\?2026[hl]$|^\x1b\[[0-9;]*m$/.test(piece)) return;
    const up = /^\x1b\[([0-9]+)A$/.exec(piece);
    if (up) {
      this.#row = Math.max(0, this.#row - Number(up[1]));
    } else if (piece === '\x1b[J') {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column);
    } else if (piece === '\r') {
      this.#column = 0;
    } else if (piece === '\n') {
      this.#moveDown();
    } else {
      assert.doesNotMatch(piece, /[\x00-\x1f]/, `the terminal was sent ${JSON.stringify(piece)}`);
      this.#put(piece);
    }
  }

  #put(character: string): void {
    if (this.#column >= this.columns) this.#moveDown();
    const line = this.#lines[this.#row]!.padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #moveDown(): void {
    this.#column = 0;
    this.#row++;
    this.#lines[this.#row] ??= '';
  }
}
