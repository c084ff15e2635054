import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import {
  type Attributes,
  derivationAttributes,
  property,
  requireBoolean,
  requireObject,
  requireStrings,
  type StructuredAttribute,
  words,
  wrongType,
} from './attributes.js';
import type { Derivation } from './derivation.js';
import { JsonNumber, type JsonObject, type JsonValue } from './json-text.js';
import { sortedSet } from './sorted.js';

/** What a derivation asks of whoever builds it, read from its environment or its structured attributes. */
export interface DerivationOptions {
  /** The whole of `__json`, if attributes are structured. */
  readonly structuredAttrs: JsonObject | undefined;
  /** Variables whose values go into files; always empty with structured attributes. */
  readonly passAsFile: readonly string[];
  /** Closures to describe, by name of the file (or of the JSON attribute): paths in the store, or placeholders. */
  readonly exportReferencesGraph: ReadonlyMap<string, readonly string[]>;
  /** What outputs may refer to, by output name; outputs without an entry are not checked. */
  readonly outputChecks: ReadonlyMap<string, OutputChecks>;
  /** Outputs whose references are not to be looked for; with structured attributes only. */
  readonly unsafeDiscardReferences: ReadonlySet<string>;
  /** Sorted, each once; `ca-derivations` included where an output path is not known beforehand, as in Nix. */
  readonly requiredSystemFeatures: readonly string[];
  readonly preferLocalBuild: boolean;
  readonly allowSubstitutes: boolean;
  /** Variables taken from the caller's environment; only fixed-output and impure derivations may. */
  readonly impureEnvVars: readonly string[];
  readonly noChroot: boolean;
  /** Host paths wanted in the sandbox (macOS). */
  readonly impureHostDeps: readonly string[];
  /** Lines to add to the sandbox profile (macOS), or empty. */
  readonly sandboxProfile: string;
  /** Loopback network allowed (macOS). */
  readonly allowLocalNetworking: boolean;
}

/** Each reference is a store path, a placeholder, or the name of an output of the same derivation. */
export interface OutputChecks {
  /** Undefined: anything. */
  readonly allowedReferences: readonly string[] | undefined;
  readonly allowedRequisites: readonly string[] | undefined;
  readonly disallowedReferences: readonly string[];
  readonly disallowedRequisites: readonly string[];
  /** An output that refers to itself counts as its own reference and requisite unless this is set. */
  readonly ignoreSelfRefs: boolean;
  /** NAR size in bytes, of the output and of its closure. */
  readonly maxSize: number | undefined;
  readonly maxClosureSize: number | undefined;
}

/**
 * Each derivation is looked at once, however many ask. Throws ERR_DERIVATION_INVALID for an attribute of the wrong type,
 * naming it.
 */
export function derivationOptions(derivation: Derivation): DerivationOptions {
  const known = knownOptions.get(derivation);
  if (known) return known;
  const options = readOptions(derivation);
  knownOptions.set(derivation, options);
  return options;
}

const knownOptions = new WeakMap<Derivation, DerivationOptions>();

function readOptions(derivation: Derivation): DerivationOptions {
  const attributes = derivationAttributes(derivation);
  return {
    structuredAttrs: attributes.structured,
    passAsFile: attributes.structured ? [] : (attributes.strings('passAsFile') ?? []),
    exportReferencesGraph: attributes.structured
      ? structuredGraphs(derivation.name, attributes.structured)
      : plainGraphs(derivation.name, attributes),
    outputChecks: attributes.structured
      ? structuredChecks(derivation.name, attributes.structured)
      : plainChecks(derivation, attributes),
    unsafeDiscardReferences: discarded(derivation.name, attributes.structured),
    requiredSystemFeatures: requiredFeatures(derivation, attributes),
    preferLocalBuild: attributes.boolean('preferLocalBuild') ?? false,
    allowSubstitutes: attributes.boolean('allowSubstitutes') ?? true,
    impureEnvVars: attributes.strings('impureEnvVars') ?? [],
    noChroot: attributes.boolean('__noChroot') ?? false,
    impureHostDeps: attributes.strings('__impureHostDeps') ?? [],
    sandboxProfile: attributes.string('__sandboxProfile') ?? '',
    allowLocalNetworking: attributes.boolean('__darwinAllowLocalNetworking') ?? false,
  };
}

/** `name path name path …`; of equal names the last counts, as in Nix, whose messages these are. */
function plainGraphs(derivationName: string, attributes: Attributes): Map<string, string[]> {
  const text = attributes.string('exportReferencesGraph') ?? '';
  const tokens = words(text) ?? [];
  const graphs = new Map<string, string[]>();
  for (let i = 0; i < tokens.length; i += 2) {
    const [name, path] = [tokens[i]!, tokens[i + 1]];
    if (path === undefined) {
      throw invalidGraph(
        derivationName,
        `odd number of tokens in 'exportReferencesGraph': ${quote(text, longestList)}`,
      );
    }
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
      throw invalidGraph(derivationName, `invalid file name ${quote(name)} in 'exportReferencesGraph'`);
    }
    graphs.set(name, [path]);
  }
  return graphs;
}

function structuredGraphs(derivationName: string, structured: JsonObject): Map<string, string[]> {
  const about = { derivationName, name: 'exportReferencesGraph' };
  const graphs = requireObject({ ...about, value: property(structured, about.name) }) ?? {};
  if (Object.hasOwn(graphs, 'outputs')) {
    throw invalidGraph(
      derivationName,
      `derivation ${derivationName} wants a graph in the attribute 'outputs', where the output paths are`,
      'Give it another name.',
    );
  }
  return new Map(
    Object.keys(graphs).map((name) => [
      name,
      flatten({ derivationName, name: `${about.name}.${name}`, value: graphs[name] }),
    ]),
  );
}

/** All strings of arrays within arrays. */
function flatten(attribute: StructuredAttribute): string[] {
  const found: string[] = [];
  const open: (JsonValue | undefined)[] = [attribute.value];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') found.push(value);
    else if (Array.isArray(value)) open.push(...(value as readonly JsonValue[]).toReversed());
    else throw wrongType(attribute, 'a string, or a list of them');
  }
  return found;
}

function plainChecks(derivation: Derivation, attributes: Attributes): Map<string, OutputChecks> {
  const checks: OutputChecks = {
    allowedReferences: attributes.strings('allowedReferences'),
    allowedRequisites: attributes.strings('allowedRequisites'),
    disallowedReferences: attributes.strings('disallowedReferences') ?? [],
    disallowedRequisites: attributes.strings('disallowedRequisites') ?? [],
    ignoreSelfRefs: true,
    maxSize: undefined,
    maxClosureSize: undefined,
  };
  const none =
    !checks.allowedReferences &&
    !checks.allowedRequisites &&
    checks.disallowedReferences.length + checks.disallowedRequisites.length === 0;
  return new Map(none ? [] : [...derivation.outputs.keys()].map((outputName) => [outputName, checks]));
}

function structuredChecks(derivationName: string, structured: JsonObject): Map<string, OutputChecks> {
  const about = { derivationName, name: 'outputChecks' };
  const outputs = requireObject({ ...about, value: property(structured, about.name) }) ?? {};
  return new Map(
    Object.keys(outputs).map((outputName) => {
      const name = `${about.name}.${outputName}`;
      const checks = requireObject({ derivationName, name, value: outputs[outputName] }) ?? {};
      const entry = (key: string) => ({
        derivationName,
        name: `${name}.${key}`,
        value: property(checks, key),
      });
      return [
        outputName,
        {
          allowedReferences: requireStrings(entry('allowedReferences')),
          allowedRequisites: requireStrings(entry('allowedRequisites')),
          disallowedReferences: requireStrings(entry('disallowedReferences')) ?? [],
          disallowedRequisites: requireStrings(entry('disallowedRequisites')) ?? [],
          ignoreSelfRefs: requireBoolean(entry('ignoreSelfRefs')) ?? false,
          maxSize: requireSize(entry('maxSize')),
          maxClosureSize: requireSize(entry('maxClosureSize')),
        },
      ];
    }),
  );
}

function requireSize(attribute: StructuredAttribute): number | undefined {
  const { value } = attribute;
  if (value === undefined) return undefined;
  const size = value instanceof JsonNumber ? value.value : value;
  if (typeof size === 'number' && Number.isInteger(size) && size >= 0) return size;
  throw wrongType(attribute, 'a number of bytes');
}

function discarded(derivationName: string, structured: JsonObject | undefined): Set<string> {
  const about = { derivationName, name: 'unsafeDiscardReferences' };
  const value = structured && property(structured, about.name);
  const outputs = requireObject({ ...about, value }) ?? {};
  return new Set(
    Object.keys(outputs).filter((outputName) =>
      requireBoolean({ derivationName, name: `${about.name}.${outputName}`, value: outputs[outputName] }),
    ),
  );
}

function requiredFeatures(derivation: Derivation, attributes: Attributes): readonly string[] {
  const features = new Set(attributes.strings('requiredSystemFeatures'));
  const pathsKnown = [...derivation.outputs.values()].every(
    ({ kind }) => kind === 'input-addressed' || kind === 'fixed',
  );
  if (!pathsKnown) features.add('ca-derivations');
  return sortedSet([...features]);
}

/** Nix tells a list as it is; this much of one is enough to find it. */
const longestList = 1000;

function invalidGraph(
  name: string,
  message: string,
  hint = `In derivation ${name} it has to be a list of file names and store paths in turn.`,
): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', message, {
    hint,
    details: { name, attribute: 'exportReferencesGraph' },
  });
}
