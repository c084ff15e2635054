import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { compareText, encodeText } from '../../base/text.js';
import { type NarEvent, narLimits, narMagic, whyNotEntryName, whyNotLinkTarget } from './event.js';

/**
 * The NAR the events describe, in chunks of about 64 KiB, or of the size of the `data` chunks where those are
 * large. Throws ERR_NAR for events that make no NAR: so nothing is written that the parser would refuse.
 */
export async function* writeNar(
  events: AsyncIterable<NarEvent> | Iterable<NarEvent>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let chunks: Uint8Array[] = [];
  const writer = new NarWriter((chunk) => chunks.push(chunk));
  for await (const event of events) {
    writer.write(event);
    yield* chunks;
    chunks = [];
  }
  writer.end();
  yield* chunks;
}

/** The synchronous heart of `writeNar`. `emit` may keep what it is given, except for large `data` chunks themselves. */
export class NarWriter {
  readonly #emit: (chunk: Uint8Array) => void;
  #buffer = Buffer.allocUnsafeSlow(bufferLength);
  #used = 0;
  #state: 'node' | 'contents' | 'entry' | 'finished' = 'node';
  #size = 0;
  #remaining = 0;
  /** One for each open directory: the name of its latest entry. */
  readonly #latestNames: (string | undefined)[] = [];

  constructor(emit: (chunk: Uint8Array) => void) {
    this.#emit = emit;
    this.#put(tokens(narMagic));
  }

  write(event: NarEvent): void {
    switch (event.kind) {
      case 'regular':
        this.#startFile(event);
        break;
      case 'data':
        this.#data(event.chunk);
        break;
      case 'regular-end':
        this.#endFile();
        break;
      case 'symlink':
        this.#symlink(event.target);
        break;
      case 'directory':
        this.#startNode();
        this.#latestNames.push(undefined);
        this.#put(startOfDirectory);
        this.#state = 'entry';
        break;
      case 'entry':
        this.#entry(event.name);
        break;
      case 'directory-end':
        this.#require('entry', 'directory-end');
        this.#latestNames.pop();
        this.#endNode();
        break;
    }
  }

  /** Leaves the contents of the file at hand to somebody else, who writes them when all before has been emitted. */
  skipContents(): void {
    this.#require('contents', 'contents');
    this.#remaining = 0;
    this.#flush();
  }

  /** Says that no more events come; emits what is left. */
  end(): void {
    this.#require('finished', 'the end');
    this.#flush();
  }

  #startFile({ executable, size }: { readonly executable: boolean; readonly size: number }): void {
    this.#startNode();
    if (!Number.isSafeInteger(size) || size < 0) throw refused(`a file cannot have ${size} bytes`);
    this.#put(executable ? startOfExecutable : startOfFile);
    this.#put(lengthField(size));
    this.#state = 'contents';
    this.#size = size;
    this.#remaining = size;
  }

  #data(chunk: Uint8Array): void {
    this.#require('contents', 'data');
    if (chunk.length > this.#remaining)
      throw refused(`a file of ${this.#size} bytes got ${chunk.length - this.#remaining} bytes too many`);
    this.#remaining -= chunk.length;
    this.#put(chunk);
  }

  #endFile(): void {
    this.#require('contents', 'regular-end');
    if (this.#remaining > 0) throw refused(`a file of ${this.#size} bytes lacks the last ${this.#remaining}`);
    this.#put(padding(this.#size));
    this.#endNode();
  }

  #symlink(target: string): void {
    this.#startNode();
    const bytes = encodeText(target);
    const why = whyNotLinkTarget(target, bytes.length);
    if (why) throw refused(`expected a link target ${why}, got ${quote(target)}`);
    this.#put(startOfSymlink);
    this.#put(lengthField(bytes.length));
    this.#put(bytes);
    this.#put(padding(bytes.length));
    this.#endNode();
  }

  #entry(name: string): void {
    this.#require('entry', 'entry');
    const bytes = encodeText(name);
    const why = whyNotEntryName(name, bytes.length);
    if (why) throw refused(`expected an entry name ${why}, got ${quote(name)}`);
    const latest = this.#latestNames.at(-1);
    if (latest !== undefined && compareText(latest, name) >= 0)
      throw refused(`expected an entry name that sorts after ${quote(latest)}, got ${quote(name)}`);
    this.#latestNames[this.#latestNames.length - 1] = name;
    this.#put(startOfEntry);
    this.#put(lengthField(bytes.length));
    this.#put(bytes);
    this.#put(padding(bytes.length));
    this.#put(startOfEntryNode);
    this.#state = 'node';
  }

  #startNode(): void {
    this.#require('node', 'a node');
    if (this.#latestNames.length >= narLimits.depth)
      throw refused(`at most ${narLimits.depth} nodes may lie inside one another`);
  }

  #endNode(): void {
    const inDirectory = this.#latestNames.length > 0;
    this.#put(inDirectory ? endOfNodeAndEntry : endOfNode);
    this.#state = inDirectory ? 'entry' : 'finished';
  }

  #require(state: 'node' | 'contents' | 'entry' | 'finished', event: string): void {
    if (this.#state !== state) throw refused(`${event} came where the state is ${quote(this.#state)}`);
  }

  /** Copies small pieces together; a large one goes out as it is. */
  #put(bytes: Uint8Array): void {
    if (this.#used + bytes.length > bufferLength) this.#flush();
    if (bytes.length >= bufferLength / 4) {
      this.#flush();
      this.#emit(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flush(): void {
    if (this.#used === 0) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    // A little is copied rather than given away with all of the buffer.
    const little = bytes.length < bufferLength / 4;
    if (!little) this.#buffer = Buffer.allocUnsafeSlow(bufferLength);
    this.#emit(little ? Buffer.from(bytes) : bytes);
  }
}

const bufferLength = 64 * 1024;
const zeros = new Uint8Array(8);

const startOfFile = tokens('(', 'type', 'regular', 'contents');
const startOfExecutable = tokens('(', 'type', 'regular', 'executable', '', 'contents');
const startOfSymlink = tokens('(', 'type', 'symlink', 'target');
const startOfDirectory = tokens('(', 'type', 'directory');
const startOfEntry = tokens('entry', '(', 'name');
const startOfEntryNode = tokens('node');
const endOfNode = tokens(')');
const endOfNodeAndEntry = tokens(')', ')');

/** Strings as a NAR holds them: length as 64 bits little-endian, the bytes, zeros up to a multiple of 8. */
function tokens(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => [lengthField(text.length), Buffer.from(text, 'latin1'), padding(text.length)]),
  );
}

function lengthField(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length % 2 ** 32, 0);
  bytes.writeUInt32LE(Math.floor(length / 2 ** 32), 4);
  return bytes;
}

function padding(length: number): Uint8Array {
  return zeros.subarray(0, (8 - (length % 8)) % 8);
}

function refused(why: string): AirplantError {
  return new AirplantError('ERR_NAR', `cannot write the NAR: ${why}`, {
    hint: 'The files cannot be put into a NAR as they are.',
  });
}
