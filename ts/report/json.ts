import { isUtf8 } from 'node:buffer';
import type { BuildEvent } from '../base/events.js';
import type { Reporter, ReporterOptions, ReportStream } from './reporter.js';

/**
 * Events as JSON lines, `{"v":1,"t":<Unix milliseconds>,"type":…}`, otherwise as in base/events.ts.
 *
 * A log chunk is `text` if it is UTF-8 and `base64` if not (a chunk may end inside a character): either way its bytes
 * are exact. Control characters are escaped, so that looking at the lines on a terminal is harmless.
 */
export class JsonReporter implements Reporter {
  readonly #stream: ReportStream;
  readonly #now: () => number;

  constructor(options: Pick<ReporterOptions, 'stream' | 'now'>) {
    this.#stream = options.stream;
    this.#now = options.now ?? Date.now;
  }

  handle(event: BuildEvent): void {
    const isLog = event.type === 'build.log' || event.type === 'post-build.log';
    const { type, ...fields } = isLog ? printableLog(event) : event;
    const line = JSON.stringify({ v: 1, t: this.#now(), type, ...fields });
    this.#stream.write(`${escapeControls(line)}\n`);
  }

  close(): void {}
}

function printableLog(event: BuildEvent & { type: 'build.log' | 'post-build.log' }) {
  const { type, drvPath, chunk } = event;
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return isUtf8(bytes)
    ? { type, drvPath, text: bytes.toString('utf8') }
    : { type, drvPath, base64: bytes.toString('base64') };
}

/** JSON.stringify escapes C0 itself. DEL, C1 and the two separators are legal in JSON but not harmless. */
export function escapeControls(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
