import { AirplantError } from '../base/errors.js';
import { encodeText } from '../base/text.js';

/**
 * JSON without loss. Structured attributes are hashed as text and handed to builders, so `9223372036854775807`,
 * `1.0` and bytes that are not UTF-8 (as base/text.ts decodes them) must come out as they went in, which
 * `JSON.parse` and `JSON.stringify` cannot promise. What `JSON.parse` makes is a JsonValue too.
 */
export type JsonValue = null | boolean | number | string | JsonNumber | readonly JsonValue[] | JsonObject;

/** Read with `Object.keys` and own properties only; those made here have no prototype. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A number whose text a JavaScript number would not give back. */
export class JsonNumber {
  /** As it stood in the JSON text. */
  readonly literal: string;

  constructor(literal: string) {
    this.literal = literal;
  }

  /** The nearest JavaScript number. */
  get value(): number {
    return Number(this.literal);
  }

  /** `JSON.stringify` falls back to the nearest number. */
  toJSON(): number {
    return this.value;
  }
}

/** How deep arrays and objects may nest, in reading and in printing. */
export const maxJsonDepth = 512;

/**
 * Reads JSON (RFC 8259). Of equal keys the last wins, as in Nix. `file` is what errors call the text. A text of a few
 * megabytes can hold values that take gigabytes: `mostValues` is how many there may be, of any kind and at any depth.
 * Throws ERR_DERIVATION_SYNTAX with `details` `{file, offset, expected}`, the offset in bytes.
 */
export function parseJson(
  text: string,
  file: string,
  { mostValues = Number.POSITIVE_INFINITY }: { readonly mostValues?: number } = {},
): JsonValue {
  return new Parser(text, file, { mostValues }).document();
}

/**
 * Where in a text that `parseJson` takes the value at `path` begins, in bytes; undefined if there is none. For errors
 * about values, which are long parsed when they are found to be wrong.
 */
export function jsonOffset(text: string, path: string): number | undefined {
  const index = new Parser(text, '', { wanted: path }).find();
  return index === undefined ? undefined : encodeText(text.slice(0, index)).length;
}

/** The path of a value in an object (`$.outputs.out`) or a list (`$.args[0]`) at `path`; `$` is the whole document. */
export function jsonPath(path: string, key: string | number): string {
  if (typeof key === 'string' && /^[A-Za-z_]\w*$/.test(key)) return `${path}.${key}`;
  return `${path}[${JSON.stringify(typeof key === 'string' ? key.slice(0, 100) : key)}]`;
}

/** True for an object of JSON, not an array and not a number. */
export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  );
}

class Parser {
  #at = 0;
  readonly #text: string;
  readonly #file: string;
  readonly #wanted: string | undefined;
  readonly #mostValues: number;
  #values = 0;
  #found: number | undefined;

  /** `wanted`: the path of a value to be found; paths are not made up otherwise. */
  constructor(text: string, file: string, options: { wanted?: string; mostValues?: number }) {
    this.#text = text;
    this.#file = file;
    this.#wanted = options.wanted;
    this.#mostValues = options.mostValues ?? Number.POSITIVE_INFINITY;
  }

  find(): number | undefined {
    this.document();
    return this.#found;
  }

  document(): JsonValue {
    const value = this.#value(0, '$');
    this.#blank();
    if (this.#at < this.#text.length) this.#fail('the end of the text');
    return value;
  }

  #value(depth: number, path: string): JsonValue {
    if (depth > maxJsonDepth) this.#fail(`a value less than ${maxJsonDepth} levels deep`);
    if (++this.#values > this.#mostValues)
      this.#fail(`the end of a text of at most ${this.#mostValues} values`);
    this.#blank();
    if (path === this.#wanted) this.#found = this.#at;
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first === '[') return this.#array(depth, path);
    if (first === '{') return this.#object(depth, path);
    for (const [word, value] of words) if (this.#skip(word)) return value;
    return this.#number();
  }

  #array(depth: number, path: string): JsonValue {
    this.#at++;
    const items: JsonValue[] = [];
    this.#blank();
    if (this.#skip(']')) return items;
    do {
      items.push(this.#value(depth + 1, this.#below(path, items.length)));
      this.#blank();
    } while (this.#skip(','));
    if (!this.#skip(']')) this.#fail('`,` or `]`');
    return items;
  }

  #object(depth: number, path: string): JsonValue {
    this.#at++;
    const object: Record<string, JsonValue> = Object.create(null);
    this.#blank();
    if (this.#skip('}')) return object;
    do {
      this.#blank();
      if (this.#text[this.#at] !== '"') this.#fail('a key');
      const key = this.#string();
      this.#blank();
      if (!this.#skip(':')) this.#fail('`:`');
      object[key] = this.#value(depth + 1, this.#below(path, key));
      this.#blank();
    } while (this.#skip(','));
    if (!this.#skip('}')) this.#fail('`,` or `}`');
    return object;
  }

  #below(path: string, key: string | number): string {
    return this.#wanted === undefined ? '' : jsonPath(path, key);
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    let i = start + 1;
    for (; this.#text[i] !== '"'; i++) {
      const unit = this.#text.charCodeAt(i);
      // NaN, past the end, is not at least a space either.
      if (!(unit >= 0x20)) this.#failAt(i, 'a printable character or the closing quote');
      if (unit === 0x5c) {
        escaped = true;
        i++;
      }
    }
    this.#at = i + 1;
    if (!escaped) return this.#text.slice(start + 1, i);
    return this.#unescape(this.#text.slice(start + 1, i), start + 1);
  }

  #unescape(raw: string, start: number): string {
    return raw.replace(escapePattern, (sequence: string, index: number) => {
      if (sequence.length > 2) {
        const units = [...sequence.matchAll(/\\u(.{4})/g)].map(([, hex]) => Number.parseInt(hex!, 16));
        const character = String.fromCharCode(...units);
        if (character.isWellFormed()) return character;
        this.#failAt(start + index, 'a pair of surrogates');
      }
      return escapes[sequence[1]!] ?? this.#failAt(start + index, 'an escape that JSON has');
    });
  }

  #number(): JsonNumber | number {
    numberPattern.lastIndex = this.#at;
    const literal = numberPattern.exec(this.#text)?.[0];
    if (literal === undefined) this.#fail('a value');
    const value = Number(literal);
    if (!Number.isFinite(value)) this.#fail('a number that a double can hold');
    this.#at += literal.length;
    return printNumber(value) === literal ? value : new JsonNumber(literal);
  }

  #blank(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? '.')) this.#at++;
  }

  #skip(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #fail(expected: string): never {
    this.#failAt(this.#at, expected);
  }

  #failAt(index: number, expected: string): never {
    const offset = encodeText(this.#text.slice(0, index)).length;
    throw new AirplantError(
      'ERR_DERIVATION_SYNTAX',
      `${this.#file} is not JSON: byte ${offset} should be ${expected}`,
      { details: { file: this.#file, offset, expected } },
    );
  }
}

const words = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** A pair of surrogates is one match, so that each half alone shows as such. */
const escapePattern = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\./gs;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A finite number as nlohmann's JSON library, and so Nix, writes it: `1.5`, `1e-05`, `1e+20`. */
export function printNumber(value: number): string {
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : printDouble(value);
}

/** The same for a floating-point number of the library, which shows as such: `1.0`. */
export function printDouble(value: number): string {
  const [, sign, first, rest = '', power] = /^(-?)(\d)(?:\.(\d+))?e(.*)$/.exec(value.toExponential())!;
  const digits = first! + rest;
  // Where the decimal point falls: 0.digits × 10^point.
  const point = Number(power) + 1;
  const minus = Object.is(value, -0) ? '-' : sign!;
  if (digits.length <= point && point <= 15) return `${minus}${digits.padEnd(point, '0')}.0`;
  if (point > 0 && point <= 15) return `${minus}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -4 && point <= 0) return `${minus}0.${'0'.repeat(-point)}${digits}`;
  const exponent = `${point > 0 ? '+' : '-'}${String(Math.abs(point - 1)).padStart(2, '0')}`;
  return `${minus}${first}${rest && `.${rest}`}e${exponent}`;
}
