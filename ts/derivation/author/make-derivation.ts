import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import {
  type ContentMethod,
  digestSizes,
  type HashAlgorithm,
  isHashAlgorithm,
  parseHash,
} from '../../formats/hash.js';
import { makeFixedOutputPath } from '../../formats/make-store-path.js';
import { outputPlaceholder } from '../../formats/placeholder.js';
import { type Derivation, type DerivationOutput, type InputOutputs, inputOutputs } from '../derivation.js';
import { printJson } from '../json-print.js';
import type { JsonValue } from '../json-text.js';
import { fillOutputPaths } from '../output-paths.js';
import { sortedMap, sortedSet } from '../sorted.js';
import { validateDerivation } from '../validate.js';
import { coerceToJson, coerceToText, coercion, describeValue } from './coerce.js';
import type { Reference, Registry } from './registry.js';

/**
 * What Nix's `derivationStrict` does: attributes to environment (or `__json`), references to inputs, and the
 * output paths that follow. Throws ERR_DERIVATION_INVALID with the attribute in `details`, ERR_NAME, ERR_HASH_SYNTAX.
 */
export function makeDerivation(
  registry: Registry,
  attributes: ReadonlyMap<string, unknown>,
  outputNames: readonly string[],
): Derivation {
  const references = new Set<Reference>();
  const read = readAttributes(registry, attributes, references);
  const { name, system, builder, args } = read;
  const { outputs, variables } = planOutputs(registry.storeDir, outputNames, read);
  const derivation = fillOutputPaths(
    {
      name,
      outputs: sortedMap(outputs),
      ...inputsOf(registry, references),
      system,
      builder,
      args,
      env: sortedMap([...read.env, ...variables]),
    },
    {
      storeDir: registry.storeDir,
      lookup: (drvPath) => registry.derivation(drvPath).derivation,
      memo: registry.hashMemo,
    },
  );
  validateDerivation(registry.storeDir, derivation);
  return derivation;
}

interface Read {
  readonly name: string;
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  /** Text of the attributes that decide on outputs; undefined where the attribute is missing. */
  readonly outputHash: string | undefined;
  readonly outputHashAlgo: string | undefined;
  readonly outputHashMode: string | undefined;
  readonly contentAddressed: boolean;
  readonly impure: boolean;
}

/** Attributes that are instructions to the evaluator and reach the builder in another way or not at all. */
const instructions = new Set(['args', '__contentAddressed', '__impure', '__ignoreNulls']);

function readAttributes(
  registry: Registry,
  attributes: ReadonlyMap<string, unknown>,
  references: Set<Reference>,
): Read {
  const flag = (name: string) => readFlag(attributes, name);
  const structured = flag('__structuredAttrs');
  const env = new Map<string, string>();
  const json: Record<string, JsonValue> = Object.create(null);
  const texts = new Map<string, string>();

  for (const [name, value] of attributes) {
    if (instructions.has(name)) continue;
    if (structured && name === '__structuredAttrs') continue;
    const at = coercion(registry, references, name);
    if (structured) {
      const item = coerceToJson(value, at);
      json[name] = item;
      if (typeof item === 'string') texts.set(name, item);
    } else {
      const text = coerceToText(value, at);
      env.set(name, text);
      texts.set(name, text);
    }
  }
  if (structured) env.set('__json', printJson(json, { sortKeys: true }));

  return {
    name: requireText(texts, 'name'),
    system: requireText(texts, 'system'),
    builder: requireText(texts, 'builder'),
    args: readArgs(registry, attributes.get('args'), references),
    env,
    outputHash: texts.get('outputHash'),
    outputHashAlgo: texts.get('outputHashAlgo'),
    outputHashMode: texts.get('outputHashMode'),
    contentAddressed: flag('__contentAddressed'),
    impure: flag('__impure'),
  };
}

/** An attribute that must be true or false; a missing one is false. */
export function readFlag(attributes: ReadonlyMap<string, unknown>, name: string): boolean {
  const value = attributes.get(name) ?? false;
  if (typeof value === 'boolean') return value;
  throw invalid(name, `${name} is ${describeValue(value)}, and must be true or false`);
}

function requireText(texts: ReadonlyMap<string, string>, name: string): string {
  const text = texts.get(name);
  if (text) return text;
  throw invalid(name, `a derivation needs the attribute '${name}', a string that is not empty`);
}

function readArgs(registry: Registry, args: unknown, references: Set<Reference>): string[] {
  if (args === undefined) return [];
  if (!Array.isArray(args)) throw invalid('args', 'args must be a list');
  return Array.from(args, (arg: unknown, i) =>
    coerceToText(arg, coercion(registry, references, `args[${i}]`)),
  );
}

/** The outputs, and the variables that tell the builder where they are. */
function planOutputs(storeDir: string, names: readonly string[], read: Read) {
  if (read.outputHash !== undefined) return fixedOutput(storeDir, names, read);
  if (read.contentAddressed && read.impure) {
    throw invalid('__impure', 'a derivation cannot be both content-addressed and impure');
  }
  if (!read.contentAddressed && !read.impure) {
    return {
      outputs: names.map((name) => [name, { kind: 'deferred' }] as [string, DerivationOutput]),
      variables: names.map((name) => [name, ''] as const),
    };
  }
  const output: DerivationOutput = {
    kind: read.impure ? 'impure' : 'floating',
    method: readMethod(read.outputHashMode ?? 'recursive'),
    algorithm: readAlgorithm(read.outputHashAlgo) ?? 'sha256',
  };
  return {
    outputs: names.map((name) => [name, output] as [string, DerivationOutput]),
    variables: names.map((name) => [name, outputPlaceholder(name)] as const),
  };
}

function fixedOutput(storeDir: string, names: readonly string[], read: Read) {
  if (names.length !== 1 || names[0] !== 'out') {
    throw invalid('outputs', 'a derivation with an outputHash has one output, called `out`');
  }
  const method = readMethod(read.outputHashMode ?? 'flat');
  const algorithm = readAlgorithm(read.outputHashAlgo);
  const hash = readHash(read.outputHash!, algorithm);
  const path = makeFixedOutputPath(storeDir, { name: read.name, method, hash });
  const output: DerivationOutput = { kind: 'fixed', path, method, hash };
  return { outputs: [['out', output]] as [string, DerivationOutput][], variables: [['out', path] as const] };
}

/** An empty hash means one of zeros, as in Nix: build once, and the mismatch tells the right one. */
function readHash(text: string, algorithm: HashAlgorithm | undefined) {
  if (text !== '') return parseHash(text, algorithm);
  if (algorithm) return { algorithm, hex: '00'.repeat(digestSizes[algorithm]) };
  throw invalid('outputHash', 'an empty outputHash needs an outputHashAlgo');
}

function readAlgorithm(text: string | undefined): HashAlgorithm | undefined {
  if (text === undefined || text === '') return undefined;
  if (isHashAlgorithm(text)) return text;
  throw invalid('outputHashAlgo', `${quote(text)} is none of ${Object.keys(digestSizes).join(', ')}`);
}

function readMethod(text: string): ContentMethod {
  const method = methods.get(text);
  if (method) return method;
  throw invalid(
    'outputHashMode',
    `outputHashMode is ${quote(text)}, and must be flat, recursive, text or git`,
  );
}

const methods: ReadonlyMap<string, ContentMethod> = new Map([
  ['flat', 'flat'],
  ['recursive', 'nar'],
  ['nar', 'nar'],
  ['text', 'text'],
  ['git', 'git'],
]);

/** References to inputs. That of a `.drv` file brings in, as in Nix, all it could be used to build. */
function inputsOf(
  registry: Registry,
  references: ReadonlySet<Reference>,
): Pick<Derivation, 'inputDrvs' | 'inputSrcs'> {
  const used = new Map<string, Set<string>>();
  const sources = new Set<string>();
  const use = (drvPath: string, outputNames: Iterable<string>) => {
    used.set(drvPath, new Set([...(used.get(drvPath) ?? []), ...outputNames]));
  };
  for (const reference of references) {
    if (reference.kind === 'file') sources.add(reference.path);
    else if (reference.kind === 'output') use(reference.drvPath, [reference.outputName]);
    else {
      for (const object of registry.closure([reference.drvPath])) {
        sources.add(object.path);
        if (object.kind === 'derivation') use(object.path, object.derivation.outputs.keys());
      }
    }
  }
  const inputs = [...used].map(
    ([drvPath, names]) => [drvPath, inputOutputs(sortedSet([...names]))] as [string, InputOutputs],
  );
  return { inputDrvs: sortedMap(inputs), inputSrcs: sortedSet([...sources]) };
}

function invalid(attribute: string, message: string): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', message, { details: { attribute } });
}
