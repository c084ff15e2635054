import { quoteShell } from '../base/quote-shell.js';
import { compareText } from '../base/text.js';
import { printJson } from './json-print.js';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, printDouble } from './json-text.js';
import { type ReferenceGraph, referenceGraphJson } from './reference-graph.js';

/** What takes the place of attributes of the same name: output paths by output name, and closures. */
export interface AddedAttributes {
  readonly outputs: ReadonlyMap<string, string>;
  readonly graphs: ReadonlyMap<string, ReferenceGraph>;
}

/** The contents of the two files a builder with structured attributes finds in its build directory, as Nix writes them. */
export function structuredAttributeFiles(
  given: JsonObject,
  { outputs, graphs }: AddedAttributes,
): { json: string; shell: string } {
  // No prototype: an attribute may have any name.
  const attributes: Record<string, JsonValue> = Object.assign(Object.create(null), given);
  attributes['outputs'] = Object.fromEntries(outputs);
  for (const [name, graph] of graphs) attributes[name] = referenceGraphJson(graph);
  return {
    json: printJson(normalise(attributes), { sortKeys: true }),
    shell: Object.keys(attributes)
      .sort(compareText)
      .map((name) => declaration(name, attributes[name]!))
      .join(''),
  };
}

/** Numbers as Nix writes them after reading: integers of 64 bits as they are, everything else as a double. */
function normalise(value: JsonValue): JsonValue {
  if (value instanceof JsonNumber) return new JsonNumber(printNumberLiteral(value.literal));
  if (Array.isArray(value)) return value.map(normalise);
  if (!isJsonObject(value)) return value;
  const object: Record<string, JsonValue> = Object.create(null);
  for (const key of Object.keys(value)) object[key] = normalise(value[key]!);
  return object;
}

function printNumberLiteral(literal: string): string {
  return isInteger64(literal) ? String(BigInt(literal)) : printDouble(Number(literal));
}

function isInteger64(literal: string): boolean {
  if (!/^-?[0-9]+$/.test(literal)) return false;
  const value = BigInt(literal);
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

/** `declare name=value` for bash, or nothing for a name or value bash cannot have. */
function declaration(name: string, value: JsonValue): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return '';
  const simple = simpleValue(value);
  if (simple !== undefined) return `declare ${name}=${simple}\n`;
  if (Array.isArray(value)) {
    const items = value.map(simpleValue);
    if (items.includes(undefined)) return '';
    return `declare -a ${name}=(${items.map((item) => `${item} `).join('')})\n`;
  }
  if (!isJsonObject(value)) return '';
  const entries = Object.keys(value)
    .sort(compareText)
    .map((key) => [key, simpleValue(value[key]!)] as const);
  if (entries.some(([, item]) => item === undefined)) return '';
  return `declare -A ${name}=(${entries.map(([key, item]) => `[${quoteShell(key)}]=${item} `).join('')})\n`;
}

function simpleValue(value: JsonValue): string | undefined {
  if (typeof value === 'string') return quoteShell(value);
  if (typeof value === 'number') return shellInteger(String(value));
  if (value instanceof JsonNumber) return shellInteger(value.literal);
  if (value === null) return "''";
  if (typeof value === 'boolean') return value ? '1' : '';
  return undefined;
}

/**
 * Nix tests for a whole number in single precision and prints an `int` of 32 bits: 9223372036854775807 becomes
 * -1, and 16777216.5 becomes 16777216. Builders see the same here. (A double too large for an int is undefined in
 * C++; on x86 it becomes the smallest int.)
 */
function shellInteger(literal: string): string | undefined {
  if (isInteger64(literal)) return String(BigInt.asIntN(32, BigInt(literal)));
  const value = Number(literal);
  const single = Math.fround(value);
  if (Math.ceil(single) !== single) return undefined;
  const truncated = Math.trunc(value);
  return String(Math.abs(truncated) < 2 ** 31 ? truncated + 0 : -(2 ** 31));
}
