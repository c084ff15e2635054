import { cellWidth, truncateCells } from './cell-width.js';
import type { ReportStream } from './reporter.js';

/** Terminals that do not know this mode ignore it; those that do show a frame whole or not at all. */
const beginUpdate = '\x1b[?2026h';
const endUpdate = '\x1b[?2026l';

const frameMilliseconds = 100;

/**
 * A few lines at the bottom of a terminal that are redrawn in place, below lines that scroll away as usual.
 *
 * `frame` gives the lines for the current width whenever there is something to draw; it is asked at most ten times a
 * second. Lines printed are held until the next frame, so that a flood of them costs one write each 100 ms.
 */
export class LiveWindow {
  readonly #stream: ReportStream;
  readonly #frame: (size: { columns: number; rows: number }) => readonly string[];
  readonly #clock: NodeJS.Timeout;
  #pending: NodeJS.Timeout | undefined;
  #printed: string[] = [];
  #shown: readonly string[] = [];

  constructor(
    stream: ReportStream,
    frame: (size: { columns: number; rows: number }) => readonly string[],
    /** How often to redraw though nothing happened: the clocks go on. */
    clockMilliseconds = 1000,
  ) {
    this.#stream = stream;
    this.#frame = frame;
    this.#clock = setInterval(() => this.#draw(), clockMilliseconds);
    this.#clock.unref();
  }

  /** Something has changed: draws within 100 ms. */
  update(): void {
    this.#pending ??= setTimeout(() => this.#draw(), frameMilliseconds).unref();
  }

  /** Lines that stay, above the window. They must be safe to show. */
  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#printed.push(...lines);
    this.update();
  }

  /** Removes the window; what was printed stays. */
  close(): void {
    clearInterval(this.#clock);
    this.#draw([]);
  }

  #draw(lines?: readonly string[]): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    const columns = Math.max(this.#stream.columns || 80, 10);
    const rows = Math.max(this.#stream.rows || 24, 4);
    const frame = (lines ?? this.#frame({ columns, rows }))
      .slice(0, rows - 1)
      // The last column stays free: some terminals wrap as soon as it is written.
      .map((line) => truncateCells(line, columns - 1));
    if (this.#printed.length === 0 && sameLines(frame, this.#shown)) return;
    const text = [...this.#printed, ...frame].map((line) => `${line}\n`).join('');
    this.#stream.write(`${beginUpdate}${this.#erase(columns)}${text}${endUpdate}`);
    this.#printed = [];
    this.#shown = frame;
  }

  /** Goes back over the shown lines; after a resize each may have been wrapped into several. */
  #erase(columns: number): string {
    const rows = this.#shown.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(cellWidth(line) / columns)),
      0,
    );
    return rows === 0 ? '' : `\x1b[${rows}A\r\x1b[J`;
  }
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}
