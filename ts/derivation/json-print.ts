import { AirplantError } from '../base/errors.js';
import { compareText } from '../base/text.js';
import { JsonNumber, type JsonValue, maxJsonDepth, printNumber } from './json-text.js';

/**
 * JSON text, compact or indented by `indent` blanks a level, keys in their order or sorted by bytes as Nix does.
 * Strings stay as they are but for what JSON must escape, so undecodable bytes survive `encodeText`.
 * Throws ERR_DERIVATION_INVALID where arrays and objects nest deeper than `maxJsonDepth`.
 */
export function printJson(value: JsonValue, options: { indent?: number; sortKeys?: boolean } = {}): string {
  const { indent = 0, sortKeys = false } = options;
  const newline = (depth: number) => (indent === 0 ? '' : `\n${' '.repeat(indent * depth)}`);
  const colon = indent === 0 ? ':' : ': ';

  const print = (item: JsonValue, depth: number): string => {
    if (typeof item === 'string') return quoteJson(item);
    if (typeof item === 'number') return printNumber(item);
    if (item === null || typeof item === 'boolean') return String(item);
    if (item instanceof JsonNumber) return item.literal;
    if (depth === maxJsonDepth) throw tooDeep();
    if (isArray(item)) {
      const parts = item.map((part) => print(part, depth + 1));
      return enclose('[', parts, ']', depth);
    }
    const keys = Object.keys(item);
    if (sortKeys) keys.sort(compareText);
    const parts = keys.map((key) => `${quoteJson(key)}${colon}${print(item[key]!, depth + 1)}`);
    return enclose('{', parts, '}', depth);
  };

  const enclose = (open: string, parts: readonly string[], close: string, depth: number) =>
    parts.length === 0
      ? open + close
      : open + newline(depth + 1) + parts.join(`,${newline(depth + 1)}`) + newline(depth) + close;

  return print(value, 0);
}

/** A string of JSON, in quotes. */
export function quoteJson(text: string): string {
  return `"${text.replace(/[\x00-\x1f"\\]/g, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  return shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** `Array.isArray` does not narrow a readonly array. */
function isArray(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function tooDeep(): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', `JSON nests deeper than ${maxJsonDepth} levels`, {
    hint: 'Is a value part of itself?',
  });
}
