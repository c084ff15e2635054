import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { isByteString } from '../byte-string.js';
import { JsonNumber, type JsonValue } from '../json-text.js';
import type { Reference, Registry } from './registry.js';
import { evaluatedOf, type PathValue } from './values.js';

/** What an attribute of a derivation can be. Objects need `__structuredAttrs`; derivations and files stand for their paths. */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | PathValue
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** A value with where it stands (`env.list[2]`), and the set its references go to. */
interface Coercion {
  readonly registry: Registry;
  readonly references: Set<Reference>;
  readonly place: string;
  /** Arrays and objects it lies in. */
  readonly within: readonly object[];
}

/** Where coercion starts: the attribute's name. */
export function coercion(registry: Registry, references: Set<Reference>, place: string): Coercion {
  return { registry, references, place, within: [] };
}

/**
 * A value as a string for the environment, as Nix coerces it: true is `1`, false and null are empty, lists are
 * their items with blanks between (no blank after an empty list), numbers that are not whole have six decimals.
 * Throws ERR_DERIVATION_INVALID naming the place.
 */
export function coerceToText(value: unknown, at: Coercion): string {
  const path = coerceEvaluated(value, at);
  if (path !== undefined) return path;
  switch (typeof value) {
    case 'string':
      return checkText(value, at);
    case 'boolean':
      return value ? '1' : '';
    case 'bigint':
      return checkInteger(value, at);
    case 'number':
      return isWhole(value, at) ? String(value) : printSixDecimals(value);
  }
  if (value === null) return '';
  if (!Array.isArray(value)) {
    throw unsuited(value, at, isPlainObject(value) ? 'set __structuredAttrs to pass objects' : undefined);
  }
  const items = entries(value, at).map(([key, item]) => coerceToText(item, inner(at, value, key)));
  return items
    .map((item, i) => (i < items.length - 1 && !isEmptyList(value[i]) ? `${item} ` : item))
    .join('');
}

/** A value as JSON for structured attributes. Throws ERR_DERIVATION_INVALID naming the place. */
export function coerceToJson(value: unknown, at: Coercion): JsonValue {
  const path = coerceEvaluated(value, at);
  if (path !== undefined) return path;
  switch (typeof value) {
    case 'string':
      return checkText(value, at);
    case 'boolean':
      return value;
    case 'bigint':
      return new JsonNumber(checkInteger(value, at));
    case 'number':
      return isWhole(value, at) ? value + 0 : value;
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    return entries(value, at).map(([key, item]) => coerceToJson(item, inner(at, value, key)));
  }
  if (!isPlainObject(value)) throw unsuited(value, at);
  const object: Record<string, JsonValue> = Object.create(null);
  for (const [key, item] of entries(value, at)) {
    object[checkText(key, at)] = coerceToJson(item, inner(at, value, key));
  }
  return object;
}

/** The path of a derivation, output, source or the like; undefined for any other value. */
function coerceEvaluated(value: unknown, at: Coercion): string | undefined {
  const about = evaluatedOf(value);
  if (!about) return undefined;
  if (about.registry !== at.registry) {
    throw new AirplantError('ERR_DERIVATION_INVALID', `${at.place} comes from another evaluator`, {
      hint: 'Make everything one derivation depends on with one evaluator.',
      details: { attribute: at.place },
    });
  }
  at.references.add(about.reference);
  return about.path;
}

function checkText(text: string, at: Coercion): string {
  if (text.includes('\0') || !isByteString(text)) {
    throw new AirplantError(
      'ERR_DERIVATION_INVALID',
      `${at.place} has a NUL character or half a surrogate pair: ${quote(text)}`,
      {
        hint: 'Strings reach the builder as bytes in its environment.',
        details: { attribute: at.place },
      },
    );
  }
  for (const reference of at.registry.referencesIn(text)) at.references.add(reference);
  return text;
}

function checkInteger(value: bigint, at: Coercion): string {
  if (value === BigInt.asIntN(64, value)) return String(value);
  throw unsuited(value, at, 'integers have 64 bits');
}

/** Throws for what is neither a whole number without loss nor a finite fraction. */
function isWhole(value: number, at: Coercion): boolean {
  if (!Number.isFinite(value)) throw unsuited(value, at, 'numbers are finite');
  if (!Number.isInteger(value)) return false;
  if (Number.isSafeInteger(value)) return true;
  throw unsuited(value, at, 'write it as a bigint, which holds every digit');
}

/** `%f` of C: exact halves of the sixth decimal go to the even digit, where `toFixed` goes up. */
function printSixDecimals(value: number): string {
  const scaled = value * 128;
  // Only odd multiples of 2^-7 lie halfway between two sixth decimals.
  if (!Number.isInteger(scaled) || scaled % 2 === 0) return value.toFixed(6);
  const doubled = BigInt(Math.abs(scaled)) * 15625n;
  const micros = doubled / 2n + ((doubled / 2n) % 2n);
  const [whole, fraction] = [micros / 1_000_000n, String(micros % 1_000_000n).padStart(6, '0')];
  return `${value < 0 ? '-' : ''}${whole}.${fraction}`;
}

/** Checks that the value does not lie within itself, and gives its own entries. */
function entries(value: object, at: Coercion): [string, unknown][] {
  if (at.within.includes(value)) throw unsuited(value, at, 'it is part of itself');
  // Unlike `Object.entries`, `Array.from` sees the holes of an array.
  return Array.isArray(value)
    ? Array.from(value, (item: unknown, i) => [String(i), item])
    : Object.entries(value);
}

const maxDepth = 256;

function inner(at: Coercion, container: object, key: string): Coercion {
  if (at.within.length === maxDepth) throw unsuited(container, at, `it nests deeper than ${maxDepth} levels`);
  const place = Array.isArray(container) ? `${at.place}[${key}]` : `${at.place}.${key}`;
  return { ...at, place, within: [...at.within, container] };
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An ordinary object of another realm has a prototype that itself has none.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function unsuited(value: unknown, at: Coercion, why?: string): AirplantError {
  return new AirplantError(
    'ERR_DERIVATION_INVALID',
    `${at.place} is ${describeValue(value)}, which a derivation cannot hold${why ? `: ${why}` : ''}`,
    {
      hint: 'Attributes are strings, numbers, Booleans, null, derivations, sources, and lists of these.',
      details: { attribute: at.place },
    },
  );
}

/** Any value in a few words, for an error; never runs code of the value. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return isPlainObject(value) ? 'an object' : 'an object of a class';
  return typeof value === 'function' ? 'a function' : `the ${typeof value} ${quote(String(value))}`;
}
