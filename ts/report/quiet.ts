import type { BuildEvent } from '../base/events.js';
import { painter } from './colours.js';
import { failureLines, wantedFailedLines } from './messages.js';
import type { Reporter, ReporterOptions } from './reporter.js';

/** Failures only. */
export class QuietReporter implements Reporter {
  readonly #options: ReporterOptions;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  handle(event: BuildEvent): void {
    const lines = this.#linesFor(event);
    if (lines.length > 0) this.#options.stream.write(`${lines.join('\n')}\n`);
  }

  #linesFor(event: BuildEvent): string[] {
    const { colours } = this.#options;
    const paint = painter(colours);
    switch (event.type) {
      case 'build.failed':
        return failureLines(event, { paint, colours, showLog: true });
      case 'check.finished':
      case 'finished':
        return wantedFailedLines(event, paint);
      default:
        return [];
    }
  }

  close(): void {}
}
