import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Derivation } from './derivation.js';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from './json-text.js';

/**
 * The attributes of a derivation, wherever they are: strings in the environment, or with structured attributes
 * JSON values in `__json`, in which null counts as absent. Every getter throws ERR_DERIVATION_INVALID for a value
 * of another type.
 */
export interface Attributes {
  /** The whole of `__json`, if attributes are structured. */
  readonly structured: JsonObject | undefined;
  string(name: string): string | undefined;
  boolean(name: string): boolean | undefined;
  /** A list; words between white space where attributes are not structured. */
  strings(name: string): readonly string[] | undefined;
}

/** Throws ERR_DERIVATION_INVALID where `__json` is not a JSON object in UTF-8. */
export function derivationAttributes(derivation: Pick<Derivation, 'name' | 'env'>): Attributes {
  const { name: derivationName, env } = derivation;
  const structured = structuredAttributes(derivation);
  if (!structured) {
    return {
      structured,
      string: (name) => env.get(name),
      boolean: (name) => (env.has(name) ? env.get(name) === '1' : undefined),
      strings: (name) => words(env.get(name)),
    };
  }
  const attribute = (name: string) => ({ derivationName, name, value: property(structured, name) });
  return {
    structured,
    string: (name) => requireString(attribute(name)),
    boolean: (name) => requireBoolean(attribute(name)),
    strings: (name) => requireStrings(attribute(name)),
  };
}

/** One value out of structured attributes; `name` is its path, for errors. */
export interface StructuredAttribute {
  readonly derivationName: string;
  readonly name: string;
  readonly value: JsonValue | undefined;
}

export function requireString(attribute: StructuredAttribute): string | undefined {
  const { value } = attribute;
  if (value === undefined || typeof value === 'string') return value;
  throw wrongType(attribute, 'a string');
}

export function requireBoolean(attribute: StructuredAttribute): boolean | undefined {
  const { value } = attribute;
  if (value === undefined || typeof value === 'boolean') return value;
  throw wrongType(attribute, 'a Boolean');
}

export function requireStrings(attribute: StructuredAttribute): readonly string[] | undefined {
  const { value } = attribute;
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw wrongType(attribute, 'a list of strings');
}

export function requireObject(attribute: StructuredAttribute): JsonObject | undefined {
  const { value } = attribute;
  if (value === undefined || isJsonObject(value)) return value;
  throw wrongType(attribute, 'an object');
}

/** A property, null counting as absent. */
export function property(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
}

export function wrongType({ derivationName, name }: StructuredAttribute, expected: string): AirplantError {
  return new AirplantError(
    'ERR_DERIVATION_INVALID',
    `attribute ${quote(name)} of derivation ${derivationName} must be ${expected}`,
    { details: { name: derivationName, attribute: name } },
  );
}

/** Words between blanks, tabs and line breaks. */
export function words(text: string | undefined): string[] | undefined {
  return text?.split(/[ \t\n\r]+/).filter((word) => word !== '');
}

function structuredAttributes(derivation: Pick<Derivation, 'name' | 'env'>): JsonObject | undefined {
  const text = derivation.env.get('__json');
  if (text === undefined) return undefined;
  const attribute = { derivationName: derivation.name, name: '__json', value: null };
  // Nix refuses it as well: what the builder is given could not be read as JSON.
  if (!text.isWellFormed()) throw unreadable(derivation.name, 'it is not UTF-8');
  try {
    const value = parseJson(text, '__json', { mostValues });
    if (!isJsonObject(value)) throw wrongType(attribute, 'a JSON object');
    return value;
  } catch (cause) {
    if (!isAirplantError(cause, 'ERR_DERIVATION_SYNTAX')) throw cause;
    throw unreadable(derivation.name, cause.message, cause);
  }
}

/** Begins as Nix's message does, which has the name of the file instead. */
function unreadable(name: string, why: string, cause?: AirplantError): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', `cannot process __json attribute of '${name}': ${why}`, {
    cause,
    details: { ...cause?.details, name, attribute: '__json' },
  });
}

/** Real derivations have hundreds, and a million takes half a gigabyte. */
const mostValues = 1_000_000;
