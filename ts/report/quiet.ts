import type { BuildEvent } from '../base/events.js';
import { painter } from './colours.js';
import { failureLines } from './messages.js';
import type { Reporter, ReporterOptions } from './reporter.js';

/** Failures only. */
export class QuietReporter implements Reporter {
  readonly #options: ReporterOptions;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  handle(event: BuildEvent): void {
    if (event.type !== 'build.failed') return;
    const { colours, stream } = this.#options;
    const lines = failureLines(event, { paint: painter(colours), colours, showLog: true });
    stream.write(`${lines.join('\n')}\n`);
  }

  close(): void {}
}
