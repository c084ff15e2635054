import { crc32 } from 'node:zlib';
import type { LogTimes } from './log-times.js';

/** A line of a log without its newline, or a piece of one that is too long. */
export interface TimedLine {
  readonly bytes: Buffer;
  /** Unix milliseconds when it began to come, if that is known. */
  readonly time?: number;
  /** The rest of it follows. */
  readonly partial?: true;
}

const longestPiece = 1024 * 1024;

/** The lines of a log, each with its time. The times must belong to it (`belongTo`). */
export async function* timedLines(
  log: AsyncIterable<Uint8Array>,
  times: LogTimes | undefined,
): AsyncGenerator<TimedLine, void, undefined> {
  const marks = times?.marks ?? [];
  let next = 0;
  let current: { readonly time?: number } = {};
  for await (const { offset, bytes, partial, continued } of linesOf(log)) {
    if (!continued) {
      while (next < marks.length && marks[next]!.offset <= offset) current = { time: marks[next++]!.time };
    }
    yield { bytes, ...current, ...(partial ? { partial } : {}) };
  }
}

/**
 * True if the times can be those of the log: each mark is at the beginning of a line, and a log that was written to
 * its end is still the same. Another program, a real Nix say, may have written another log meanwhile.
 */
export async function belongTo(times: LogTimes, log: AsyncIterable<Uint8Array>): Promise<boolean> {
  const { marks, end } = times;
  let next = 0;
  let offset = 0;
  let crc = 0;
  let lastByte = 0x0a;
  for await (const chunk of log) {
    for (; next < marks.length && marks[next]!.offset < offset + chunk.length; next++) {
      const at = marks[next]!.offset - offset;
      if ((at === 0 ? lastByte : chunk[at - 1]) !== 0x0a) return false;
    }
    if (end) crc = crc32(chunk, crc);
    offset += chunk.length;
    lastByte = chunk.at(-1) ?? lastByte;
  }
  return end === undefined || (end.length === offset && end.crc === crc);
}

interface Line {
  readonly offset: number;
  readonly bytes: Buffer;
  readonly partial: boolean;
  /** It goes on where the one before was partial. */
  readonly continued: boolean;
}

async function* linesOf(log: AsyncIterable<Uint8Array>): AsyncGenerator<Line, void, undefined> {
  let rest = Buffer.alloc(0);
  let offset = 0;
  let continued = false;
  const take = (length: number, partial: boolean) => {
    const line = { offset, bytes: rest.subarray(0, length), partial, continued };
    continued = partial;
    return line;
  };
  const drop = (length: number) => {
    rest = rest.subarray(length);
    offset += length;
  };
  for await (const chunk of log) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (;;) {
      const newline = rest.indexOf(0x0a);
      if (newline >= 0 && newline <= longestPiece) {
        yield take(newline, false);
        drop(newline + 1);
      } else if (rest.length > longestPiece) {
        yield take(longestPiece, true);
        drop(longestPiece);
      } else {
        break;
      }
    }
  }
  if (rest.length > 0) yield take(rest.length, false);
}
