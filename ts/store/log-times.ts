import { crc32 } from 'node:zlib';

/**
 * When the lines of a log came, in a file beside it, of which Nix knows nothing: `<log>.times`. docs/logs.md describes
 * the format. It is only ever appended to, so that whatever is left of it after a crash is good as far as it goes.
 */
export interface LogTimes {
  /** When the log was begun. Unix milliseconds, like all times here. */
  readonly startedAt: number;
  /** The lines that begin at `offset` bytes or later came at `time`, until the next of these. Both only grow. */
  readonly marks: readonly { readonly offset: number; readonly time: number }[];
  /** Of a log that was written to its end: what tells it from another one. */
  readonly end?: { readonly length: number; readonly crc: number };
}

const header = 'airplant log times 1 ';

/** After so many marks a second is exact enough: the file stays small beside any log, however long it takes. */
const exactMarks = 100_000;
const coarseMilliseconds = 1000;

/** Makes the file piece by piece. */
export class LogTimesEncoder {
  #time: number;
  #offset = 0;
  #marked = 0;
  #marks = 0;
  #atLineStart = true;
  #crc = 0;

  constructor(startedAt: number) {
    this.#time = startedAt;
  }

  begin(): Uint8Array {
    return Buffer.from(`${header}${this.#time}\n`);
  }

  /** What is to be appended for a chunk of the log; nothing most of the time. */
  chunk(bytes: Uint8Array, now: number): Uint8Array | undefined {
    if (bytes.length === 0) return undefined;
    const newline = this.#atLineStart ? -1 : bytes.indexOf(0x0a);
    const line = newline < 0 && !this.#atLineStart ? bytes.length : newline + 1;
    const mark = line < bytes.length ? this.#mark(this.#offset + line, now) : undefined;
    this.#offset += bytes.length;
    this.#atLineStart = bytes.at(-1) === 0x0a;
    this.#crc = crc32(bytes, this.#crc);
    return mark;
  }

  end(): Uint8Array {
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(this.#crc);
    return Buffer.concat([Buffer.from([0]), encodeNumber(this.#offset), crc]);
  }

  #mark(offset: number, now: number): Uint8Array | undefined {
    // The clock of the machine may be set back.
    const later = Math.max(0, now - this.#time);
    const enough = this.#marks < exactMarks ? 1 : coarseMilliseconds;
    if (this.#marks > 0 && later < enough) return undefined;
    const bytes = Buffer.concat([encodeNumber(offset - this.#marked + 1), encodeNumber(later)]);
    this.#time += later;
    this.#marked = offset;
    this.#marks++;
    return bytes;
  }
}

/** Reads such a file; undefined if it is none. What a crash has torn off its end is not missed. */
export function decodeLogTimes(bytes: Uint8Array): LogTimes | undefined {
  const firstLine = bytes.indexOf(0x0a);
  const match = /^airplant log times 1 (\d{1,15})$/.exec(
    Buffer.from(bytes.subarray(0, firstLine)).toString('latin1'),
  );
  if (firstLine < 0 || !match) return undefined;
  const startedAt = Number(match[1]);
  const marks: { offset: number; time: number }[] = [];
  const reader = new NumberReader(bytes, firstLine + 1);
  let [offset, time] = [0, startedAt];
  for (;;) {
    const step = reader.next();
    const later = reader.next();
    if (step === undefined || later === undefined) return { startedAt, marks };
    if (step === 0) {
      const crc = reader.rest();
      if (crc.length < 4) return { startedAt, marks };
      return { startedAt, marks, end: { length: later, crc: Buffer.from(crc).readUInt32LE() } };
    }
    offset += step - 1;
    time += later;
    marks.push({ offset, time });
  }
}

/** Seven bits a byte, the lowest first, the eighth set in all bytes but the last (LEB128). */
function encodeNumber(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}

class NumberReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Undefined at the end, or for what is no number of ours. */
  next(): number | undefined {
    let value = 0;
    for (let factor = 1; this.#at < this.#bytes.length && factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : undefined;
    }
    this.#at = this.#bytes.length;
    return undefined;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
}
