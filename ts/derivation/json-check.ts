import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { isByteString } from './byte-string.js';
import { isJsonObject, type JsonObject, jsonPath } from './json-text.js';

/** A value inside a JSON document, and where it stands (`$.outputs.out`), for errors. */
export interface JsonPlace {
  readonly value: unknown;
  readonly path: string;
}

/** The value of a key that may be missing. */
export function child(place: JsonPlace, key: string): JsonPlace {
  const value = Object.hasOwn(place.value as object, key) ? (place.value as JsonObject)[key] : undefined;
  return { value, path: jsonPath(place.path, key) };
}

/** An object with all of `required`, perhaps some of `optional`, and nothing else. */
export function checkKeys(place: JsonPlace, required: readonly string[], optional: readonly string[] = []) {
  const keys = Object.keys(checkObject(place));
  const missing = required.find((key) => !keys.includes(key));
  if (missing !== undefined) throw malformed(place, `an object with the key ${quote(missing)}`);
  const unknown = keys.find((key) => !required.includes(key) && !optional.includes(key));
  if (unknown !== undefined) {
    throw malformed(place, `an object without the key ${quote(unknown)}, only ${required.join(', ')}`);
  }
}

export function checkObject(place: JsonPlace): JsonObject {
  if (!isJsonObject(place.value)) throw malformed(place, 'an object');
  return place.value;
}

export function checkString(place: JsonPlace): string {
  const { value } = place;
  if (typeof value !== 'string') throw malformed(place, 'a string');
  if (!isByteString(value)) throw malformed(place, 'a string without lone surrogates');
  return value;
}

export function checkStrings(place: JsonPlace): string[] {
  const { value } = place;
  if (!Array.isArray(value)) throw malformed(place, 'a list of strings');
  return value.map((item: unknown, i) => checkString({ value: item, path: jsonPath(place.path, i) }));
}

/** Every entry of an object, keys checked like strings. */
export function checkEntries<Value>(
  place: JsonPlace,
  check: (entry: JsonPlace, key: string) => Value,
): [string, Value][] {
  return Object.keys(checkObject(place)).map((key) => {
    const entry = child(place, key);
    if (!isByteString(key)) throw malformed(entry, 'a key without lone surrogates');
    return [key, check(entry, key)];
  });
}

/** Runs a parser of another format on the string, and says where it stood if that refuses it. */
export function checkWith<Value>(place: JsonPlace, parse: (text: string) => Value): Value {
  const text = checkString(place);
  try {
    return parse(text);
  } catch (cause) {
    if (!isAirplantError(cause)) throw cause;
    throw wrong(place, cause.message, { expected: cause.hint, cause });
  }
}

export function malformed(place: JsonPlace, expected: string): AirplantError {
  return wrong(place, `it should be ${expected}`, { expected });
}

function wrong(place: JsonPlace, why: string, about: { expected: string; cause?: unknown }): AirplantError {
  return new AirplantError(
    'ERR_DERIVATION_SYNTAX',
    `the derivation in JSON is wrong at ${place.path}: ${why}`,
    {
      details: { path: place.path, expected: about.expected },
      cause: about.cause,
      hint: 'The JSON forms of derivations are those `nix derivation show` prints.',
    },
  );
}
