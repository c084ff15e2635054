import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { compareText, decodeText } from '../../base/text.js';
import { type NarEvent, narLimits, narMagic, whyNotEntryName, whyNotLinkTarget } from './event.js';

/**
 * Parses a NAR that arrives in chunks of any size, in constant memory and without recursion.
 *
 * It accepts exactly what the writer writes: every NAR it lets pass comes out of `NarWriter` byte for byte the
 * same, so a path never has another hash after it was unpacked. Nix 2.8 is laxer (docs/differences-from-nix.md).
 * Everything else is ERR_NAR with `details: {offset, expected}`, `offset` counting bytes from the start.
 */
export class NarParser {
  readonly #emit: (event: NarEvent) => void;
  #offset = 0;
  #state: State = 'magic';
  #stage: 'length' | 'value' | 'contents' | 'padding' = 'length';
  /** Offset at which the string being read (its length field) starts. */
  #start = 0;
  /** Length of that string. */
  #length = 0;
  /** Of `contents`: bytes still to come. */
  #remaining = 0;
  /** Bytes of an item that is split between chunks. */
  readonly #partial = Buffer.allocUnsafe(padded(narLimits.target));
  #partialLength = 0;
  #executable = false;
  /** One for each open directory: the name of its latest entry. */
  readonly #latestNames: (string | undefined)[] = [];

  constructor(emit: (event: NarEvent) => void) {
    this.#emit = emit;
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** True once the NAR is complete. */
  get finished(): boolean {
    return this.#state === 'finished';
  }

  /** Takes a chunk of a source that ends with the NAR. */
  push(chunk: Uint8Array): void {
    if (this.take(chunk) < chunk.length) throw this.#damaged(this.#offset, this.#expected(), 'more bytes');
  }

  /** Takes what belongs to the NAR and returns how many bytes that was: fewer than all only once it has finished. */
  take(chunk: Uint8Array): number {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length && this.#state !== 'finished')
      at += this.#stage === 'contents' ? this.#takeContents(bytes, at) : this.#takeItem(bytes, at);
    return at;
  }

  /** Passes over what is left of the contents at hand, which need not come, and returns how many bytes that is. */
  skipContents(): number {
    if (this.#stage !== 'contents') return 0;
    const skipped = this.#remaining;
    this.#remaining = 0;
    this.#offset += skipped;
    this.#afterContents();
    return skipped;
  }

  /** Says that no more bytes come. */
  end(): void {
    if (this.#state !== 'finished') throw this.#damaged(this.#offset, this.#expected(), 'its end');
  }

  #takeContents(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#remaining, bytes.length - at);
    this.#remaining -= taken;
    this.#offset += taken;
    this.#emit({ kind: 'data', chunk: bytes.subarray(at, at + taken) });
    if (this.#remaining === 0) this.#afterContents();
    return taken;
  }

  /** Takes a length field, a string with its padding, or the padding of contents, once all of it has come. */
  #takeItem(bytes: Buffer, at: number): number {
    const needed = this.#itemLength();
    const taken = Math.min(needed - this.#partialLength, bytes.length - at);
    this.#offset += taken;
    if (taken === needed) {
      this.#onItem(bytes, at);
      return taken;
    }
    bytes.copy(this.#partial, this.#partialLength, at, at + taken);
    this.#partialLength += taken;
    if (this.#partialLength === needed) {
      this.#partialLength = 0;
      this.#onItem(this.#partial, 0);
    }
    return taken;
  }

  #itemLength(): number {
    if (this.#stage === 'length') return 8;
    return this.#stage === 'value' ? padded(this.#length) : padded(this.#length) - this.#length;
  }

  #onItem(bytes: Buffer, at: number): void {
    if (this.#stage === 'length') {
      this.#onLength(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
      return;
    }
    const end = at + this.#itemLength();
    for (let i = this.#stage === 'value' ? at + this.#length : at; i < end; i++) {
      if (bytes[i] !== 0)
        throw this.#damaged(this.#offset - (end - i), 'zero padding', `the byte ${bytes[i]}`);
    }
    if (this.#stage === 'padding') this.#endContents();
    else this.#onValue(bytes.subarray(at, at + this.#length));
  }

  /** A length is two halves here, so that 2^53 and more is refused before it becomes an inexact number. */
  #onLength(low: number, high: number): void {
    this.#start = this.#offset - 8;
    const limit = lengthLimit(this.#state);
    const length = high * 2 ** 32 + low;
    if (length > limit || this.#offset + length > Number.MAX_SAFE_INTEGER - 8)
      throw this.#damaged(
        this.#start,
        this.#expected(),
        `a length of ${(BigInt(high) << 32n) + BigInt(low)}`,
      );
    this.#length = length;
    if (this.#state === 'contents') this.#startContents();
    else if (length === 0) this.#onValue(Buffer.alloc(0));
    else this.#stage = 'value';
  }

  #startContents(): void {
    this.#emit({ kind: 'regular', executable: this.#executable, size: this.#length });
    this.#remaining = this.#length;
    this.#stage = 'contents';
    if (this.#length === 0) this.#endContents();
  }

  #afterContents(): void {
    if (this.#length % 8 === 0) this.#endContents();
    else this.#stage = 'padding';
  }

  #endContents(): void {
    this.#enter('node-end');
    this.#emit({ kind: 'regular-end' });
  }

  #onValue(value: Buffer): void {
    if (this.#state === 'name') this.#onName(value);
    else if (this.#state === 'target') this.#onTarget(value);
    else if (this.#state === 'executable-value') this.#enter('contents-tag');
    else this.#onTag(value.toString('latin1'));
  }

  #onName(value: Buffer): void {
    const name = decodeText(value);
    const why = whyNotEntryName(name, value.length);
    if (why) throw this.#damaged(this.#start, `an entry name ${why}`, quote(name));
    const latest = this.#latestNames.at(-1);
    if (latest !== undefined && compareText(latest, name) >= 0)
      throw this.#damaged(this.#start, `an entry name that sorts after ${quote(latest)}`, quote(name));
    this.#latestNames[this.#latestNames.length - 1] = name;
    this.#enter('node-tag');
    this.#emit({ kind: 'entry', name });
  }

  #onTarget(value: Buffer): void {
    const target = decodeText(value);
    const why = whyNotLinkTarget(target, value.length);
    if (why) throw this.#damaged(this.#start, `a link target ${why}`, quote(target));
    this.#enter('node-end');
    this.#emit({ kind: 'symlink', target });
  }

  #onTag(tag: string): void {
    const next = grammar[this.#state as TagState].get(tag);
    if (next === undefined) throw this.#damaged(this.#start, this.#expected(), quote(tag));
    if (next === 'after-node') {
      const closesDirectory = this.#state === 'entry-or-end';
      if (closesDirectory) this.#latestNames.pop();
      this.#enter(this.#latestNames.length > 0 ? 'entry-end' : 'finished');
      if (closesDirectory) this.#emit({ kind: 'directory-end' });
      return;
    }
    if (next === 'type-tag' && this.#latestNames.length >= narLimits.depth)
      throw this.#damaged(this.#start, `at most ${narLimits.depth} nodes inside one another`, 'one more');
    if (next === 'file-field') this.#executable = false;
    if (next === 'executable-value') this.#executable = true;
    const opensDirectory = this.#state === 'type' && next === 'entry-or-end';
    if (opensDirectory) this.#latestNames.push(undefined);
    this.#enter(next);
    if (opensDirectory) this.#emit({ kind: 'directory' });
  }

  #enter(state: State): void {
    this.#state = state;
    this.#stage = 'length';
  }

  #expected(): string {
    if (this.#stage === 'contents') return `${this.#remaining} more bytes of file contents`;
    if (this.#stage === 'padding') return 'zero padding';
    switch (this.#state) {
      case 'name':
        return `an entry name of 1 to ${narLimits.name} bytes`;
      case 'target':
        return `a link target of 1 to ${narLimits.target} bytes`;
      case 'executable-value':
        return 'an empty string';
      case 'contents':
        return 'the size of a file, below 2^53';
      case 'finished':
        return 'nothing more';
      default:
        return [...grammar[this.#state].keys()].map((tag) => `"${tag}"`).join(' or ');
    }
  }

  #damaged(offset: number, expected: string, found: string): AirplantError {
    const message = `byte ${offset} of the NAR: expected ${expected}, found ${found}`;
    return new AirplantError('ERR_NAR', message, { details: { offset, expected } });
  }
}

type TagState =
  | 'magic'
  | 'node'
  | 'type-tag'
  | 'type'
  | 'file-field'
  | 'contents-tag'
  | 'target-tag'
  | 'node-end'
  | 'entry-or-end'
  | 'entry'
  | 'name-tag'
  | 'node-tag'
  | 'entry-end';
type State = TagState | 'name' | 'target' | 'executable-value' | 'contents' | 'finished';
type Next = Exclude<State, 'finished'> | 'after-node';

/** Which strings may come in a state, and the state each leads to. */
const grammar: Readonly<Record<TagState, ReadonlyMap<string, Next>>> = {
  magic: new Map([[narMagic, 'node']]),
  node: new Map([['(', 'type-tag']]),
  'type-tag': new Map([['type', 'type']]),
  type: new Map([
    ['regular', 'file-field'],
    ['symlink', 'target-tag'],
    ['directory', 'entry-or-end'],
  ]),
  'file-field': new Map([
    ['executable', 'executable-value'],
    ['contents', 'contents'],
  ]),
  'contents-tag': new Map([['contents', 'contents']]),
  'target-tag': new Map([['target', 'target']]),
  'node-end': new Map([[')', 'after-node']]),
  'entry-or-end': new Map([
    ['entry', 'entry'],
    [')', 'after-node'],
  ]),
  entry: new Map([['(', 'name-tag']]),
  'name-tag': new Map([['name', 'name']]),
  'node-tag': new Map([['node', 'node']]),
  'entry-end': new Map([[')', 'entry-or-end']]),
};

/** Checked before anything is allocated or waited for. */
function lengthLimit(state: State): number {
  if (state === 'name') return narLimits.name;
  if (state === 'target') return narLimits.target;
  if (state === 'executable-value') return 0;
  return state === 'contents' ? Number.MAX_SAFE_INTEGER : narLimits.tag;
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}
