import { AirplantError, isAirplantError, withDetails } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { decodeText } from '../../base/text.js';
import type { NarEvent } from '../nar/event.js';
import { NarParser } from '../nar/parser.js';
import { ChunkReader } from './chunk-reader.js';
import { type ExportedPath, exportMagic, longestPath, mostReferences } from './item.js';

/**
 * Reads an export stream (`nix-store --export`) path by path, in constant memory: `next`, then all of `nar`, then
 * `trailer`, until `next` is false.
 *
 * Every length is compared with its limit before anything is allocated. Whatever is wrong is ERR_EXPORT, or ERR_NAR with
 * the number of the path, with the offset in the stream. What the paths and references are is for the caller to check.
 */
export class ExportReader {
  readonly #reader: ChunkReader;
  #count = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#reader = new ChunkReader(source);
  }

  /** True if a path follows, false at the end of the stream. */
  async next(): Promise<boolean> {
    const at = this.#reader.offset;
    const marker = await this.#number('the start of a path, or the end');
    if (marker > 1n) throw this.#damaged(at, 'a 1 before each path or a 0 at the end', `${marker}`);
    if (marker === 1n) this.#count++;
    return marker === 1n;
  }

  /** The events of the NAR that comes now; `onBytes` gets every byte of it first. Throws ERR_NAR. */
  async *nar(onBytes: (bytes: Uint8Array) => void): AsyncGenerator<NarEvent, void, undefined> {
    let events: NarEvent[] = [];
    const start = this.#reader.offset;
    const parser = new NarParser((event) => events.push(event));
    try {
      while (!parser.finished) {
        const chunk = (await this.#reader.peek())?.subarray(0, sliceLength);
        if (!chunk) return parser.end();
        const taken = parser.take(chunk);
        onBytes(chunk.subarray(0, taken));
        this.#reader.skip(taken);
        yield* events;
        events = [];
      }
    } catch (error) {
      throw isAirplantError(error, 'ERR_NAR') ? this.#inPath(error, start) : error;
    }
  }

  /** What is said of the path whose NAR has been read. */
  async trailer(): Promise<ExportedPath> {
    await this.#expect(BigInt(exportMagic), 'the number 0x4558494e after a NAR');
    const path = await this.#string('the store path', longestPath);
    const references = await this.#references();
    const deriver = await this.#string('the deriver', longestPath);
    const at = this.#reader.offset;
    const signed = await this.#number('the mark of a signature');
    if (signed > 1n) throw this.#damaged(at, 'a 1 before a signature or a 0 for none', `${signed}`);
    // Nothing has checked these since Nix 2.
    if (signed === 1n) await this.#string('a signature', longestSignature);
    return { path, references, ...(deriver === '' ? {} : { deriver }) };
  }

  /** Says that the stream is all there is. Throws ERR_EXPORT if more follows. */
  async end(): Promise<void> {
    if (await this.#reader.peek()) throw this.#damaged(this.#reader.offset, 'nothing more', 'more bytes');
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #references(): Promise<string[]> {
    const at = this.#reader.offset;
    const count = await this.#number('the number of references');
    if (count > BigInt(mostReferences)) {
      throw this.#damaged(at, `at most ${mostReferences} references`, `a count of ${count}`);
    }
    const references: string[] = [];
    while (references.length < Number(count)) references.push(await this.#string('a reference', longestPath));
    return references;
  }

  async #expect(value: bigint, expected: string): Promise<void> {
    const at = this.#reader.offset;
    const found = await this.#number(expected);
    if (found !== value) throw this.#damaged(at, expected, `${found}`);
  }

  async #number(expected: string): Promise<bigint> {
    const bytes = await this.#reader.read(8);
    if (!bytes) throw this.#damaged(this.#reader.offset, expected, 'the end of the stream');
    return bytes.readBigUInt64LE();
  }

  async #string(expected: string, limit: number): Promise<string> {
    const at = this.#reader.offset;
    const length = await this.#number(expected);
    if (length > BigInt(limit)) {
      throw this.#damaged(at, `${expected}, of at most ${limit} bytes`, `a length of ${length}`);
    }
    const bytes = await this.#reader.read(Math.ceil(Number(length) / 8) * 8);
    if (!bytes) throw this.#damaged(this.#reader.offset, expected, 'the end of the stream');
    const text = decodeText(bytes.subarray(0, Number(length)));
    if (bytes.subarray(Number(length)).some((byte) => byte !== 0)) {
      throw this.#damaged(at, `zero padding after ${expected}`, quote(text));
    }
    return text;
  }

  #damaged(offset: number, expected: string, found: string): AirplantError {
    const message = `byte ${offset} of the export stream: expected ${expected}, found ${found}`;
    return new AirplantError('ERR_EXPORT', message, { details: { offset, expected } });
  }

  /** The parser of the NAR counts from its start. */
  #inPath(error: AirplantError, start: number): AirplantError {
    const { code, message, hint, details } = error;
    return withDetails(
      new AirplantError(code, `path ${this.#count} of the export stream, from byte ${start} on: ${message}`, {
        hint,
        cause: error,
      }),
      { ...details, path: this.#count, start },
    );
  }
}

/** A huge chunk is parsed by parts, so that its events never lie in memory all at once. */
const sliceLength = 64 * 1024;

/** Bytes; the longest RSA signatures of Nix 1 had a few hundred. */
const longestSignature = 64 * 1024;
