import { formatHash, isHashAlgorithm, parseHash } from '../formats/hash.js';
import { makeFixedOutputPath, outputPathName } from '../formats/make-store-path.js';
import { checkName, parseStorePath, parseStorePathBase } from '../formats/store-path.js';
import { type Derivation, type DerivationOutput, type InputOutputs, maxDynamicDepth } from './derivation.js';
import {
  checkEntries,
  checkKeys,
  checkObject,
  checkString,
  checkStrings,
  checkWith,
  child,
  type JsonPlace,
  malformed,
} from './json-check.js';
import { printJson } from './json-print.js';
import { isJsonObject, JsonNumber, type JsonValue } from './json-text.js';
import type { DerivationJsonVersion } from './json-write.js';
import { isContentMethod, parseMethodAlgorithm } from './method-algorithm.js';
import { sortedMap, sortedSet } from './sorted.js';

/** What the JSON leaves unsaid: the store directory, and in version 1 the name of the derivation. */
export interface DerivationJsonContext {
  readonly storeDir: string;
  readonly name?: string;
}

/**
 * Reads one derivation from any of the JSON forms `derivationToJson` writes; which one shows in its keys, and they
 * must be exactly that form's. Give it what `parseJson` made: `JSON.parse` damages big numbers and `1.0` in
 * structured attributes (unsafe integers are refused). Throws ERR_DERIVATION_SYNTAX with `details` `{path, expected}`.
 */
export function derivationFromJson(value: unknown, context: DerivationJsonContext): Derivation {
  return readDerivation({ value, path: '$' }, context);
}

/**
 * Reads what `nix derivation show` prints in any version, or a single derivation that has its name in it.
 * Returns derivations by the store path the document gives them; a single one has none and is under ''.
 */
export function derivationsFromJson(value: unknown, context: { storeDir: string }): Map<string, Derivation> {
  let place: JsonPlace = { value, path: '$' };
  const document = checkObject(place);
  if (Object.hasOwn(document, 'outputs')) return new Map([['', readDerivation(place, context)]]);
  if (Object.hasOwn(document, 'derivations')) {
    checkKeys(place, ['version', 'derivations']);
    if (document['version'] !== 4) throw malformed(child(place, 'version'), '4');
    place = child(place, 'derivations');
  }
  return new Map(
    checkEntries(place, (entry, key) => {
      const parse = key.includes('/') ? parseStorePath : parseStorePathBase;
      const { path, name } = checkWith({ ...entry, value: key }, (text) => parse(context.storeDir, text));
      if (!name.endsWith('.drv')) throw malformed(entry, 'called by the path of a derivation');
      const derivation = readDerivation(entry, { ...context, name: name.slice(0, -'.drv'.length) });
      return [path, derivation] as const;
    }).map(([, entry]) => entry),
  );
}

function readDerivation(place: JsonPlace, context: DerivationJsonContext): Derivation {
  const version = versionOf(place);
  checkKeys(place, keysOf[version], version >= 2 ? ['structuredAttrs'] : []);
  const name = readName(place, context.name, version);
  const form: Form = { version, name, storeDir: context.storeDir };
  const inputs = version === 4 ? child(place, 'inputs') : place;
  if (version === 4) checkKeys(inputs, ['srcs', 'drvs']);
  const [srcs, drvs] = version === 4 ? ['srcs', 'drvs'] : ['inputSrcs', 'inputDrvs'];
  return {
    name,
    outputs: sortedMap(checkEntries(child(place, 'outputs'), (entry, key) => readOutput(entry, key, form))),
    inputDrvs: readInputDrvs(child(inputs, drvs!), form),
    inputSrcs: sortedSet(readPaths(child(inputs, srcs!), form)),
    system: checkString(child(place, 'system')),
    builder: checkString(child(place, 'builder')),
    args: checkStrings(child(place, 'args')),
    env: readEnvironment(place),
  };
}

interface Form {
  readonly version: DerivationJsonVersion;
  readonly name: string;
  readonly storeDir: string;
}

const commonKeys = ['outputs', 'system', 'builder', 'args', 'env'];
const keysOf: Readonly<Record<DerivationJsonVersion, readonly string[]>> = {
  1: [...commonKeys, 'inputSrcs', 'inputDrvs'],
  2: [...commonKeys, 'name', 'inputSrcs', 'inputDrvs'],
  3: [...commonKeys, 'name', 'version', 'inputSrcs', 'inputDrvs'],
  4: [...commonKeys, 'name', 'version', 'inputs'],
};

function versionOf(place: JsonPlace): DerivationJsonVersion {
  const derivation = checkObject(place);
  if (!Object.hasOwn(derivation, 'version')) return Object.hasOwn(derivation, 'name') ? 2 : 1;
  const version = derivation['version'];
  if (version === 3 || version === 4) return version;
  throw malformed(child(place, 'version'), '3 or 4');
}

function readName(place: JsonPlace, given: string | undefined, version: DerivationJsonVersion): string {
  if (version === 1) {
    if (given === undefined) throw malformed(place, 'under its store path, as it does not hold its name');
    return given;
  }
  const name = checkWith(child(place, 'name'), (text) => {
    checkName(text);
    return text;
  });
  if (given !== undefined && name !== given)
    throw malformed(child(place, 'name'), `'${given}' as in its path`);
  return name;
}

function readOutput(place: JsonPlace, outputName: string, form: Form): DerivationOutput {
  const keys = Object.keys(checkObject(place)).sort().join(' ');
  const { version } = form;
  if (keys === '') return { kind: 'deferred' };
  if (keys === 'path') return { kind: 'input-addressed', path: readPath(child(place, 'path'), form) };
  if (keys === fixedKeys[version]) return readFixed(place, outputName, form);
  const how = version === 1 ? 'hashAlgo' : 'hashAlgo method';
  if (keys === how) return { kind: 'floating', ...readMethod(place, version) };
  if (keys === (version === 1 ? 'hashAlgo impure' : 'hashAlgo impure method')) {
    if (child(place, 'impure').value !== true) throw malformed(child(place, 'impure'), 'true');
    return { kind: 'impure', ...readMethod(place, version) };
  }
  throw malformed(place, 'an output, with keys that belong together');
}

const fixedKeys: Readonly<Record<DerivationJsonVersion, string>> = {
  1: 'hash hashAlgo path',
  2: 'hash hashAlgo method path',
  3: 'hash hashAlgo method',
  4: 'hash method',
};

function readFixed(place: JsonPlace, outputName: string, form: Form): DerivationOutput {
  const hashPlace = child(place, 'hash');
  if (form.version === 4) {
    const method = readMethodName(place);
    const hash = checkWith(hashPlace, (text) => parseHash(text));
    if (formatHash(hash, 'sri') !== hashPlace.value) throw malformed(hashPlace, 'an SRI hash: `algo-base64`');
    return { kind: 'fixed', path: fixedPath(place, outputName, { ...form, method, hash }), method, hash };
  }
  const { method, algorithm } = readMethod(place, form.version);
  const hash = checkWith(hashPlace, (text) => parseHash(text, algorithm));
  const path =
    form.version === 3
      ? fixedPath(place, outputName, { ...form, method, hash })
      : readPath(child(place, 'path'), form);
  return { kind: 'fixed', path, method, hash };
}

/** Versions 3 and 4 leave out the path: it follows from the rest. */
function fixedPath(
  place: JsonPlace,
  outputName: string,
  output: Form & Pick<DerivationOutput & { kind: 'fixed' }, 'method' | 'hash'>,
): string {
  const { storeDir, method, hash } = output;
  return checkWith({ ...place, value: outputName }, () =>
    makeFixedOutputPath(storeDir, { name: outputPathName(output.name, outputName), method, hash }),
  );
}

function readMethod(place: JsonPlace, version: DerivationJsonVersion) {
  const algorithmPlace = child(place, 'hashAlgo');
  const algorithm = checkString(algorithmPlace);
  if (version === 1) {
    const parsed = parseMethodAlgorithm(algorithm);
    if (!parsed) throw malformed(algorithmPlace, 'an algorithm like `sha256` or `r:sha256`');
    return parsed;
  }
  if (!isHashAlgorithm(algorithm)) throw malformed(algorithmPlace, 'md5, sha1, sha256 or sha512');
  return { method: readMethodName(place), algorithm };
}

function readMethodName(place: JsonPlace) {
  const methodPlace = child(place, 'method');
  const method = checkString(methodPlace);
  if (!isContentMethod(method)) throw malformed(methodPlace, 'flat, nar, text or git');
  return method;
}

function readInputDrvs(place: JsonPlace, form: Form): Map<string, InputOutputs> {
  return sortedMap(
    checkEntries(place, (entry, key) => {
      const drvPath = readPath({ ...entry, value: key }, form);
      const outputs = form.version === 1 ? sortedSet(checkStrings(entry)) : undefined;
      return [
        drvPath,
        outputs ? { outputs, dynamic: new Map() } : readInput(entry, maxDynamicDepth),
      ] as const;
    }).map(([, entry]) => entry),
  );
}

function readInput(place: JsonPlace, depth: number): InputOutputs {
  checkKeys(place, ['outputs', 'dynamicOutputs']);
  const outputs = sortedSet(checkStrings(child(place, 'outputs')));
  const dynamicPlace = child(place, 'dynamicOutputs');
  if (depth === 0 && Object.keys(checkObject(dynamicPlace)).length > 0) {
    throw malformed(dynamicPlace, `empty, at most ${maxDynamicDepth} levels deep`);
  }
  return { outputs, dynamic: sortedMap(checkEntries(dynamicPlace, (entry) => readInput(entry, depth - 1))) };
}

function readPaths(place: JsonPlace, form: Form): string[] {
  return checkStrings(place).map((value, i) => readPath({ value, path: `${place.path}[${i}]` }, form));
}

function readPath(place: JsonPlace, form: Form): string {
  const parse = form.version >= 3 ? parseStorePathBase : parseStorePath;
  return checkWith(place, (text) => parse(form.storeDir, text).path);
}

function readEnvironment(place: JsonPlace): Map<string, string> {
  const entries = checkEntries(child(place, 'env'), checkString);
  const attributes = child(place, 'structuredAttrs');
  if (attributes.value !== undefined) {
    if (entries.some(([key]) => key === '__json')) {
      throw malformed(child(child(place, 'env'), '__json'), 'absent where there are structuredAttrs');
    }
    checkObject(attributes);
    checkNumbers(attributes);
    entries.push(['__json', printJson(attributes.value as JsonValue, { sortKeys: true })]);
  }
  return sortedMap(entries);
}

/** Refuses an integer that went through a double, whose last digits are made up. */
function checkNumbers(attributes: JsonPlace): void {
  const open = [attributes];
  for (let place = open.pop(); place; place = open.pop()) {
    const { value } = place;
    if (typeof value === 'number') {
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw malformed(place, 'a number that JavaScript can hold exactly; read the text with parseJson');
      }
    } else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) open.push({ value: item, path: `${place.path}[${i}]` });
    } else if (isJsonObject(value)) {
      for (const [, entry] of checkEntries(place, (item) => item)) open.push(entry);
    } else if (typeof value === 'string') {
      checkString(place);
    } else if (value !== null && typeof value !== 'boolean' && !(value instanceof JsonNumber)) {
      throw malformed(place, 'a JSON value');
    }
  }
}
