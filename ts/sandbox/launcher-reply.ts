import { endianness } from 'node:os';
import { decodeText } from '../base/text.js';
import type { ResourceUsage } from './spec.js';

/** What the launcher says (`native/launch/protocol.h`). `run` is the number the request gave. */
export type LauncherReply =
  /** The builder has been executed. `pid` is the host's number of process 1 of the sandbox. */
  | { readonly kind: 'started'; readonly run: number; readonly pid: number }
  /** A step was refused, and nothing is left running. `errno` is positive. */
  | {
      readonly kind: 'setup-failed';
      readonly run: number;
      readonly errno: number;
      readonly step: string;
      readonly path: string;
    }
  /** Everything in the sandbox is dead. `value` is the exit status or the signal's number. */
  | {
      readonly kind: 'exited';
      readonly run: number;
      readonly ending: 'exited' | 'signalled' | 'killed' | 'network-lost';
      readonly value: number;
      readonly usage: ResourceUsage;
    }
  /** The supervisor was killed from outside; how the builder ended is unknown. */
  | { readonly kind: 'lost'; readonly run: number }
  /** The launcher's file could not be executed. */
  | { readonly kind: 'launcher-failed'; readonly run: number; readonly errno: number };

/** Cuts the stream of bytes from the launcher into replies. */
export class ReplyReader {
  #rest: Buffer = Buffer.alloc(0);

  /** All replies that are complete now. Throws a RangeError for bytes no launcher of this build sends. */
  push(chunk: Buffer): LauncherReply[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const replies: LauncherReply[] = [];
    while (this.#rest.length >= headerBytes) {
      const length = uint32(this.#rest, 0);
      if (length > maxPayloadBytes) throw new RangeError(`a launcher's reply of ${length} bytes`);
      if (this.#rest.length < headerBytes + length) break;
      replies.push(
        decodeReply(
          uint32(this.#rest, 4),
          uint64(this.#rest, 8),
          this.#rest.subarray(headerBytes, headerBytes + length),
        ),
      );
      this.#rest = this.#rest.subarray(headerBytes + length);
    }
    return replies;
  }
}

// struct ReplyHeader: length and kind of 32 bits, run of 64.
const headerBytes = 16;
const maxPayloadBytes = 64 * 1024;
const endings = ['exited', 'signalled', 'killed', 'network-lost'] as const;
const littleEndian = endianness() === 'LE';

function decodeReply(kind: number, run: number, payload: Buffer): LauncherReply {
  if (kind === 1) return { kind: 'started', run, pid: uint32(payload, 0) };
  if (kind === 2) {
    const stepEnd = 8 + uint32(payload, 4);
    return {
      kind: 'setup-failed',
      run,
      errno: uint32(payload, 0),
      step: decodeText(payload.subarray(8, stepEnd)),
      path: decodeText(payload.subarray(stepEnd)),
    };
  }
  if (kind === 3) {
    const ending = endings[uint32(payload, 0)];
    if (!ending) throw new RangeError('an ending unknown to this build');
    const usage = {
      userSeconds: uint64(payload, 8) / 1e6,
      systemSeconds: uint64(payload, 16) / 1e6,
      maxResidentBytes: uint64(payload, 24),
    };
    return { kind: 'exited', run, ending, value: uint32(payload, 4), usage };
  }
  if (kind === 4) return { kind: 'lost', run };
  if (kind === 5) return { kind: 'launcher-failed', run, errno: uint32(payload, 0) };
  throw new RangeError(`a launcher's reply of kind ${kind}`);
}

function uint32(bytes: Buffer, at: number): number {
  return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function uint64(bytes: Buffer, at: number): number {
  return Number(littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
}
