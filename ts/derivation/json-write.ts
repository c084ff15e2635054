import { AirplantError } from '../base/errors.js';
import { formatHash } from '../formats/hash.js';
import type { Derivation, DerivationOutput, InputOutputs } from './derivation.js';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from './json-text.js';
import { printMethodAlgorithm } from './method-algorithm.js';

/**
 * The JSON forms of a derivation, by the numbers Nix counts them with (only 3 and 4 say theirs).
 * 1: `nix show-derivation` of Nix 2.8. 2: `nix derivation show` of 2.21 to 2.31: with name, dynamic inputs, method
 * apart from algorithm (2.31 also has structured attributes apart, which is read but not written). 3: 2.32: base names instead of store paths, structured attributes apart from the
 * environment, no path for fixed outputs. 4: 2.33 and later: inputs in one object, hashes as SRI.
 */
export type DerivationJsonVersion = 1 | 2 | 3 | 4;

/**
 * A derivation as JSON; print it with `printJson`, which keeps big numbers and undecodable bytes.
 * Throws ERR_DERIVATION_INVALID for what the version cannot hold: dynamic inputs in 1, `__json` that is no JSON
 * object in 3 and 4. (Those two parse `__json`: text that is not compact and sorted will not come back the same.)
 */
export function derivationToJson(derivation: Derivation, version: DerivationJsonVersion): JsonObject {
  const path = version >= 3 ? baseName : (text: string) => text;
  const outputs = mapToJson(derivation.outputs, (output) => outputToJson(output, version));
  const srcs = derivation.inputSrcs.map(path);
  const drvs = mapToJson(
    new Map([...derivation.inputDrvs].map(([drvPath, input]) => [path(drvPath), input])),
    (input) => (version === 1 ? plainInputToJson(input, derivation.name) : inputToJson(input)),
  );
  const { system, builder, args } = derivation;
  if (version === 1) {
    const env = mapToJson(derivation.env, (value) => value);
    return { outputs, inputSrcs: srcs, inputDrvs: drvs, system, builder, args, env };
  }
  const { env, structuredAttrs } = splitEnvironment(derivation, version);
  return {
    name: derivation.name,
    ...(version >= 3 ? { version } : {}),
    outputs,
    ...(version === 4 ? { inputs: { srcs, drvs } } : { inputSrcs: srcs, inputDrvs: drvs }),
    system,
    builder,
    args,
    env,
    ...(structuredAttrs ? { structuredAttrs } : {}),
  };
}

/** What `nix derivation show` prints: all derivations by path (version 4: by base name, in an object of its own). */
export function derivationsToJson(
  derivations: Iterable<readonly [drvPath: string, derivation: Derivation]>,
  version: DerivationJsonVersion,
): JsonObject {
  const all: Record<string, JsonValue> = Object.create(null);
  for (const [drvPath, derivation] of derivations) {
    all[version >= 3 ? baseName(drvPath) : drvPath] = derivationToJson(derivation, version);
  }
  return version === 4 ? { version, derivations: all } : all;
}

function outputToJson(output: DerivationOutput, version: DerivationJsonVersion): JsonObject {
  switch (output.kind) {
    case 'input-addressed':
      return { path: version >= 3 ? baseName(output.path) : output.path };
    case 'deferred':
      return {};
    case 'floating':
      return methodToJson(output, version);
    case 'impure':
      return { ...methodToJson(output, version), impure: true };
    case 'fixed': {
      const { path, method, hash } = output;
      if (version === 4) return { method, hash: formatHash(hash, 'sri') };
      const how = methodToJson({ method, algorithm: hash.algorithm }, version);
      return { ...(version < 3 ? { path } : {}), ...how, hash: hash.hex };
    }
  }
}

function methodToJson(
  { method, algorithm }: Pick<DerivationOutput & { kind: 'floating' }, 'method' | 'algorithm'>,
  version: DerivationJsonVersion,
): JsonObject {
  return version === 1
    ? { hashAlgo: printMethodAlgorithm(method, algorithm) }
    : { method, hashAlgo: algorithm };
}

function plainInputToJson(input: InputOutputs, name: string): JsonValue {
  if (input.dynamic.size > 0) {
    throw new AirplantError(
      'ERR_DERIVATION_INVALID',
      `derivation ${name} has dynamic inputs, which version 1 of the JSON cannot hold`,
      { hint: 'Use a later version of the JSON.' },
    );
  }
  return input.outputs;
}

function inputToJson(input: InputOutputs): JsonObject {
  return { outputs: input.outputs, dynamicOutputs: mapToJson(input.dynamic, inputToJson) };
}

function splitEnvironment(derivation: Derivation, version: DerivationJsonVersion) {
  const text = derivation.env.get('__json');
  const structuredAttrs =
    version < 3 || text === undefined ? undefined : parseJson(text, `__json of ${derivation.name}`);
  if (structuredAttrs !== undefined && !isJsonObject(structuredAttrs)) {
    throw new AirplantError('ERR_DERIVATION_INVALID', `__json of ${derivation.name} is not a JSON object`);
  }
  const env = new Map(derivation.env);
  if (structuredAttrs) env.delete('__json');
  return { env: mapToJson(env, (value) => value), structuredAttrs };
}

function mapToJson<Value>(
  map: ReadonlyMap<string, Value>,
  toJson: (value: Value) => JsonValue,
): Record<string, JsonValue> {
  const object: Record<string, JsonValue> = Object.create(null);
  for (const [key, value] of map) object[key] = toJson(value);
  return object;
}

function baseName(storePath: string): string {
  return storePath.slice(storePath.lastIndexOf('/') + 1);
}
