import { endianness } from 'node:os';
import { posix } from 'node:path';
import { decodeText } from '../base/text.js';

/** What a process in an observed sandbox wanted of a name, and what came of it (`native/launch/linux/observer.cc`). */
export interface Attempt {
  /** Thread id inside the sandbox. */
  readonly thread: number;
  /**
   * `look`: does it exist, what does it lead to; `make`: create it; `enter`: as working directory; `connect`: to a server.
   */
  readonly intent: Intent;
  /** 0: it succeeded. */
  readonly errno: number;
  /** Of `open`, as for open(2). */
  readonly flags: number;
  /** Absolute where that is known, without `.` and `..`; of `connect` `unix:/path`, `inet:1.2.3.4:53` and the like. */
  readonly path: string;
  /** Of `execute`: the interpreter or loader without which the file, which is there, cannot be executed. */
  readonly missing?: string;
}

export type Intent = (typeof intents)[number];

const intents = ['look', 'open', 'execute', 'make', 'enter', 'connect'] as const;

/** Cuts the stream of bytes from process 1 into attempts. */
export class AttemptReader {
  #rest: Buffer = Buffer.alloc(0);

  /** All that are complete now. Throws a RangeError for bytes that process 1 does not send. */
  push(chunk: Buffer): Attempt[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const attempts: Attempt[] = [];
    while (rest.length >= headerBytes) {
      const lengths = [number(rest, 16), number(rest, 20), number(rest, 24)] as const;
      const size = headerBytes + lengths[0] + lengths[1] + lengths[2];
      if (lengths.some((length) => length > maxTextBytes))
        throw new RangeError(`an attempt of ${size} bytes`);
      if (rest.length < size) break;
      attempts.push(decode(rest.subarray(0, size), lengths));
      rest = rest.subarray(size);
    }
    this.#rest = rest;
    return attempts;
  }
}

// struct AttemptRecord: seven numbers of 32 bits.
const headerBytes = 28;
/** PATH_MAX, and more than any address. */
const maxTextBytes = 4096;
const littleEndian = endianness() === 'LE';

function number(bytes: Buffer, at: number): number {
  return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function decode(bytes: Buffer, [base, path, missing]: readonly [number, number, number]): Attempt {
  const intent = intents[number(bytes, 4)];
  if (intent === undefined) throw new RangeError('an attempt of an unknown kind');
  const text = (from: number, length: number) => decodeText(bytes.subarray(from, from + length));
  const name = text(headerBytes + base, path);
  return {
    thread: number(bytes, 0),
    intent,
    errno: number(bytes, 8),
    flags: number(bytes, 12),
    path: intent === 'connect' ? name : posix.resolve('/', text(headerBytes, base), name),
    ...(missing > 0 ? { missing: text(headerBytes + base + path, missing) } : {}),
  };
}
