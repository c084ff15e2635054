import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText, decodeText, encodeText } from '../base/text.js';
import type { Derivation, DerivationOutput, InputOutputs } from './derivation.js';
import { inputOutputs, maxDynamicDepth } from './derivation.js';
import { isHexDigest, parseMethodAlgorithm } from './method-algorithm.js';
import { StringPool } from './string-pool.js';

/** Longest derivation file that is read, in bytes; the largest in Nixpkgs are a few megabytes. */
export const maxDerivationBytes = 64 * 1024 * 1024;

/**
 * Reads the contents of a `.drv` file (an ATerm).
 *
 * Only what Nix itself writes is accepted, so that `printDerivation` gives back the same bytes: maps and sets
 * sorted without duplicates, no needless escapes or raw line breaks, hashes in lower-case hex, `DrvWithVersion`
 * only around dynamic inputs. Nix reads those sloppier texts and would write, and hash, something else. Store
 * paths are only checked to be absolute here; `validateDerivation` does the rest.
 *
 * `name` is the name of the derivation (that of the store path without `.drv`), `file` what errors call the text; of many,
 * `strings` keeps what they have in common once.
 * Throws ERR_DERIVATION_SYNTAX with `details` `{file, offset, expected}`, the offset in bytes.
 */
export function parseDerivation(
  bytes: Uint8Array,
  source: { readonly name: string; readonly file?: string; readonly strings?: StringPool },
): Derivation {
  const file = source.file ?? `${source.name}.drv`;
  if (bytes.length > maxDerivationBytes) throw derivationTooLong(file, bytes.length);
  return new Parser(decodeText(bytes), file, source.strings ?? new StringPool()).derivation(source.name);
}

/** The error for a derivation of more than `maxDerivationBytes`; `file` is what it is called. */
export function derivationTooLong(file: string, size: number): AirplantError {
  return new AirplantError(
    'ERR_DERIVATION_SYNTAX',
    `${file} is ${size} bytes long, more than the ${maxDerivationBytes} a derivation may have`,
    { details: { file, offset: maxDerivationBytes, expected: 'the end of the file' } },
  );
}

/**
 * Works on the decoded text: every delimiter is ASCII, so no delimiter can fall inside a character, and an index
 * is turned into a byte offset only for an error.
 */
class Parser {
  #at = 0;
  readonly #text: string;
  readonly #file: string;
  readonly #strings: StringPool;

  constructor(text: string, file: string, strings: StringPool) {
    this.#text = text;
    this.#file = file;
    this.#strings = strings;
  }

  derivation(name: string): Derivation {
    const dynamic = this.#header();
    const outputs = this.#map(this.#string, this.#outputTail);
    this.#expect(',');
    const inputDrvs = this.#map(this.#path, () => this.#inputTail(dynamic ? maxDynamicDepth : 0));
    if (dynamic) this.#requireDynamicInput(inputDrvs);
    this.#expect(',');
    const inputSrcs = this.#set(this.#path);
    this.#expect(',');
    const system = this.#string();
    this.#expect(',');
    const builder = this.#string();
    this.#expect(',');
    const args = this.#list(this.#string);
    this.#expect(',');
    const env = this.#map(this.#string, () => {
      this.#expect(',');
      return this.#string();
    });
    this.#expect(')');
    if (this.#at < this.#text.length) this.#fail('the end of the file');
    return { name, outputs, inputDrvs, inputSrcs, system, builder, args, env };
  }

  /** True for the versioned form, the only one in which inputs can be dynamic. */
  #header(): boolean {
    if (!this.#text.startsWith('DrvWithVersion(')) {
      this.#expect('Derive(');
      return false;
    }
    this.#expect('DrvWithVersion(');
    const start = this.#at;
    if (this.#string() !== 'xp-dyn-drv') this.#failAt(start, 'the version "xp-dyn-drv"');
    this.#expect(',');
    return true;
  }

  #outputTail = (): DerivationOutput => {
    const start = this.#at;
    this.#expect(',');
    const path = this.#string();
    this.#expect(',');
    const methodAlgorithm = this.#string();
    this.#expect(',');
    const hash = this.#string();
    return (
      outputOf(path, methodAlgorithm, hash) ??
      this.#failAt(start, 'an output: path, hash algorithm and hash that belong together')
    );
  };

  /** `,["out"]`, or with dynamic inputs also `,(["out"],[("out",["out"])])`. */
  #inputTail(depth: number): InputOutputs {
    this.#expect(',');
    if (depth === 0 || !this.#text.startsWith('(', this.#at)) {
      return inputOutputs(this.#set(this.#string));
    }
    this.#expect('(');
    const outputs = this.#set(this.#string);
    this.#expect(',');
    const start = this.#at;
    const dynamic = this.#map(this.#string, () => this.#inputTail(depth - 1));
    if (dynamic.size === 0) this.#failAt(start, 'at least one dynamic output');
    this.#expect(')');
    return { outputs, dynamic };
  }

  #requireDynamicInput(inputDrvs: ReadonlyMap<string, InputOutputs>): void {
    for (const input of inputDrvs.values()) if (input.dynamic.size > 0) return;
    this.#failAt(0, '`Derive(`, as no input is dynamic');
  }

  /** `[(key…value),…]` sorted by key. */
  #map<Value>(readKey: () => string, readValue: () => Value): Map<string, Value> {
    const map = new Map<string, Value>();
    let last: string | undefined;
    this.#items(() => {
      this.#expect('(');
      const start = this.#at;
      const key = readKey();
      this.#requireOrder(last, key, start);
      last = key;
      map.set(key, readValue());
      this.#expect(')');
    });
    return map;
  }

  #set(readItem: () => string): string[] {
    const set: string[] = [];
    this.#items(() => {
      const start = this.#at;
      const item = readItem();
      this.#requireOrder(set.at(-1), item, start);
      set.push(item);
    });
    return set;
  }

  #list(readItem: () => string): string[] {
    const list: string[] = [];
    this.#items(() => list.push(readItem()));
    return list;
  }

  #items(readItem: () => void): void {
    this.#expect('[');
    if (this.#skip(']')) return;
    do readItem();
    while (this.#skip(','));
    this.#expect(']');
  }

  #requireOrder(last: string | undefined, next: string, start: number): void {
    if (last === undefined) return;
    const order = compareText(last, next);
    if (order === 0) this.#failAt(start, `an entry other than ${quote(next)} again`);
    if (order > 0) this.#failAt(start, `an entry that sorts after ${quote(last)}`);
  }

  #path = (): string => {
    const start = this.#at;
    const path = this.#string();
    if (!path.startsWith('/')) this.#failAt(start, 'an absolute path');
    return path;
  };

  #string = (): string => {
    this.#expect('"');
    const text = this.#text;
    let result = '';
    let start = this.#at;
    for (let i = start; ; i++) {
      const unit = text.charCodeAt(i);
      if (unit === 0x22) {
        this.#at = i + 1;
        return this.#strings.own(result + text.slice(start, i));
      }
      if (unit === 0x5c) {
        const meaning = escapes[text[i + 1] ?? ''];
        if (meaning === undefined) this.#failAt(i + 1, 'one of `"`, `\\`, `n`, `r`, `t` after the backslash');
        result += text.slice(start, i) + meaning;
        start = ++i + 1;
      } else if (unit === 0x0a || unit === 0x0d || unit === 0x09) {
        this.#failAt(i, 'an escape instead of a raw line break or tab');
      } else if (Number.isNaN(unit)) {
        this.#failAt(i, 'the closing quote of a string');
      }
    }
  };

  #skip(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#skip(token)) this.#fail(`\`${token}\``);
  }

  #fail(expected: string): never {
    this.#failAt(this.#at, expected);
  }

  #failAt(index: number, expected: string): never {
    const offset = encodeText(this.#text.slice(0, index)).length;
    const found = index < this.#text.length ? quote(this.#text.slice(index, index + 16)) : 'its end';
    throw new AirplantError(
      'ERR_DERIVATION_SYNTAX',
      `${this.#file} is not a derivation: byte ${offset} should be ${expected}, but is ${found}`,
      { details: { file: this.#file, offset, expected } },
    );
  }
}

/** One for all: a map each would be a good part of what a large graph takes. */

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' };

function outputOf(path: string, methodAlgorithm: string, hash: string): DerivationOutput | undefined {
  if (path !== '' && !path.startsWith('/')) return undefined;
  if (methodAlgorithm === '') {
    if (hash !== '') return undefined;
    return path === '' ? { kind: 'deferred' } : { kind: 'input-addressed', path };
  }
  const parsed = parseMethodAlgorithm(methodAlgorithm);
  if (!parsed) return undefined;
  const { method, algorithm } = parsed;
  if (path === '') {
    if (hash === '') return { kind: 'floating', method, algorithm };
    return hash === 'impure' ? { kind: 'impure', method, algorithm } : undefined;
  }
  if (!isHexDigest(hash, algorithm)) return undefined;
  return { kind: 'fixed', path, method, hash: { algorithm, hex: hash } };
}
