import { isUtf8 } from 'node:buffer';
import { AirplantError } from '../base/errors.js';
import { filterLine } from '../base/terminal-filter.js';
import { wantsColours } from '../report/colours.js';
import { escapeControls } from '../report/json.js';
import { LogLines } from '../report/log-lines.js';
import type { LogTimes } from '../store/log-times.js';
import { timedLines } from '../store/timed-lines.js';
import type { CommandContext } from './command.js';

/** The log of a build, and when its lines came. */
export interface FoundLog {
  readonly drvPath: string;
  readonly log: AsyncIterable<Uint8Array>;
  times(): Promise<LogTimes | undefined>;
}

/** An object a line. */
export async function printJson({ stdout }: CommandContext, { log, times }: FoundLog): Promise<void> {
  const batch = new Batch(stdout);
  for await (const { bytes, ...rest } of timedLines(log, await times())) {
    const text = isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') };
    await batch.add(`${escapeControls(JSON.stringify({ ...text, ...rest }))}\n`);
  }
  await batch.end();
}

/** Each line behind the seconds since the build began. Throws ERR_NO_LOG if they are not known. */
export async function printTimed({ stdout, env }: CommandContext, found: FoundLog): Promise<void> {
  const times = await found.times();
  if (!times) {
    throw new AirplantError('ERR_NO_LOG', `when the lines of the log of ${found.drvPath} came is not known`, {
      hint: 'Times are kept of what airplant builds, and with the log they belong to; Nix keeps none.',
    });
  }
  const colours = wantsColours(stdout, env);
  const batch = new Batch(stdout);
  let continued = false;
  for await (const { bytes, time = times.startedAt, partial } of timedLines(found.log, times)) {
    const stamp = continued ? '' : `${((time - times.startedAt) / 1000).toFixed(3).padStart(9)}  `;
    const ending = partial ? '' : '\n';
    if (!stdout.isTTY) {
      await batch.add(Buffer.concat([Buffer.from(stamp), bytes, Buffer.from(ending)]));
    } else {
      const lines = new LogLines();
      const shown = [...lines.push(bytes), ...lines.end()].flatMap((item) =>
        item.kind === 'line' ? [filterLine(item.text, { colours })] : [],
      );
      if (shown.length > 0 || bytes.length === 0) await batch.add(`${stamp}${shown.join('')}${ending}`);
    }
    continued = partial === true;
  }
  await batch.end();
}

/** Writes little things together. */
class Batch {
  readonly #stdout: CommandContext['stdout'];
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(stdout: CommandContext['stdout']) {
    this.#stdout = stdout;
  }

  async add(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    this.#parts.push(bytes);
    this.#size += bytes.length;
    if (this.#size >= 64 * 1024) await this.end();
  }

  async end(): Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    if (parts.length > 0) await this.#stdout.write(Buffer.concat(parts));
  }
}
