import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { currentSystem } from '../../base/system.js';
import { encodeText } from '../../base/text.js';
import { hashBytes } from '../../formats/hash-bytes.js';
import { makeFixedOutputPath, makeTextPath, outputPathName } from '../../formats/make-store-path.js';
import { upstreamPlaceholder } from '../../formats/placeholder.js';
import { checkName, parseStorePath, storePathOf } from '../../formats/store-path.js';
import { printDerivation } from '../aterm-print.js';
import type { Derivation } from '../derivation.js';
import { derivationFile } from '../derivation-path.js';
import { checkDerivationName, checkOutputName } from '../validate.js';
import { type AttributeValue, coerceToText, coercion, describeValue } from './coerce.js';
import { makeDerivation, readFlag } from './make-derivation.js';
import type { EvaluatedDerivation, EvaluatedObject, SourceFilter } from './objects.js';
import { type Reference, Registry } from './registry.js';
import { hashSource } from './source.js';
import {
  type DerivationValue,
  evaluatedOf,
  makeDerivationValue,
  makeStoreFile,
  type StoreFile,
} from './values.js';

/** Attributes of a derivation, with the meaning Nix gives them; all others go to the builder's environment. */
export type DerivationAttributes<Output extends string = string> = KnownAttributes<Output> & {
  readonly [attribute: string]: AttributeValue;
};

/** Not one interface with the index: whoever compiles without `exactOptionalPropertyTypes` could not read it. */
interface KnownAttributes<Output extends string> {
  readonly name: string;
  readonly builder: AttributeValue;
  readonly args?: readonly AttributeValue[];
  /** Default: the platform this runs on. */
  readonly system?: string;
  /** Default: `out`. The first is the one the value stands for. */
  readonly outputs?: readonly Output[];
  readonly outputHash?: string;
  readonly outputHashAlgo?: 'md5' | 'sha1' | 'sha256' | 'sha512' | null;
  readonly outputHashMode?: 'flat' | 'recursive' | 'nar' | 'text' | 'git';
  readonly __structuredAttrs?: boolean;
  readonly __contentAddressed?: boolean;
  readonly __impure?: boolean;
  readonly __ignoreNulls?: boolean;
}

/**
 * Makes derivations as Nix's evaluator does, byte for byte, synchronously and without touching a store.
 *
 * Dependencies are found in text: wherever the path (or placeholder) of something this evaluator made stands in a
 * string, it becomes an input. So `${dep}/bin/x` works, but a path taken apart or encoded is not recognised.
 * Two derivations with the same fixed output have the same path; in text it means the first made, as an attribute
 * value of its own each means itself.
 */
export interface Evaluator {
  readonly storeDir: string;

  /**
   * A derivation from attributes, all coerced as Nix coerces them. `undefined` is refused: leave the attribute out.
   * Throws ERR_DERIVATION_INVALID (with `details.attribute`), ERR_NAME or ERR_HASH_SYNTAX.
   */
  derivation<const Output extends string = 'out'>(
    attributes: DerivationAttributes<Output>,
  ): DerivationValue<Output>;

  /**
   * Files of this host as an input, copied when it is instantiated: a path (relative to the working directory) or
   * a `file:` URL. `name` defaults to the base name. Symlinks are copied as symlinks, also the root.
   * Throws ERR_FILE, ERR_UNSUPPORTED_FILE or ERR_NAME.
   */
  source(path: string | URL, options?: { name?: string; filter?: SourceFilter }): StoreFile;

  /**
   * A file with this text, which may refer to sources and other texts but not to what has yet to be built.
   * Throws ERR_NAME and ERR_DERIVATION_INVALID.
   */
  toFile(name: string, text: string): StoreFile;

  /**
   * Makes a path already in the store (or below a path there) an input; without it, paths of unknown origin in
   * text are just text. For the drvPath of a derivation it means the `.drv` file alone, if given as an attribute
   * value of its own. Throws ERR_STORE_PATH.
   */
  storePath(path: string): StoreFile;
}

/** An evaluator with its own memory. `storeDir` is the logical store directory, absolute, without slash at the end. */
export function createEvaluator(options: { storeDir?: string } = {}): Evaluator {
  const { storeDir = '/nix/store' } = options;
  if (!/^\/.*[^/]$/s.test(storeDir) || resolve(storeDir) !== storeDir) {
    throw new AirplantError(
      'ERR_USAGE',
      `${quote(storeDir)} is not a store directory: it must be absolute and plain`,
    );
  }
  const registry = new Registry(storeDir);
  return {
    storeDir,
    derivation: (attributes) => evaluateDerivation(registry, attributes) as never,
    source: (path, about = {}) => evaluateSource(registry, path, about),
    toFile: (name, text) => evaluateText(registry, name, text),
    storePath: (path) => evaluateStorePath(registry, path),
  };
}

/**
 * Everything a store must hold before these values can be built, dependencies first: derivations, texts, sources
 * and paths it must have already. Throws ERR_MODULE for a value no evaluator made.
 */
export function evaluatedObjects(...values: readonly unknown[]): EvaluatedObject[] {
  const pathsOf = new Map<Registry, string[]>();
  for (const value of values) {
    const about = evaluatedOf(value);
    if (!about) {
      throw new AirplantError('ERR_MODULE', `${describeValue(value)} is neither a derivation nor a source`);
    }
    const { registry, reference } = about;
    const path = reference.kind === 'file' ? reference.path : reference.drvPath;
    const paths = pathsOf.get(registry);
    if (paths) paths.push(path);
    else pathsOf.set(registry, [path]);
  }
  // What many have in common is looked at once.
  const objects = [...pathsOf].flatMap(([registry, paths]) => registry.closure(paths));
  return [...new Map(objects.map((object) => [object.path, object])).values()];
}

function evaluateDerivation(registry: Registry, given: DerivationAttributes): DerivationValue {
  const attributes = new Map<string, unknown>([['system', currentSystem()], ...Object.entries(given)]);
  if (readFlag(attributes, '__ignoreNulls')) {
    for (const [attribute, value] of attributes) if (value === null) attributes.delete(attribute);
  }
  const name: unknown = attributes.get('name');
  if (typeof name !== 'string') {
    throw new AirplantError('ERR_DERIVATION_INVALID', "a derivation needs the attribute 'name', a string", {
      details: { attribute: 'name' },
    });
  }
  checkDerivationName(name);
  const outputNames = readOutputNames(name, attributes.get('outputs'));
  const derivation = makeDerivation(registry, attributes, outputNames);
  const { path: drvPath, references } = derivationFile(registry.storeDir, derivation);
  registry.add(new MadeDerivation(drvPath, derivation, references));
  const paths = outputNames.map(
    (output) => [output, pathOrPlaceholder(registry, { drvPath, derivation, output })] as const,
  );
  return makeDerivationValue(registry, { name, drvPath, paths: new Map(paths) });
}

/** A class, since a getter in an object of its own would give each of thousands a function and a shape of its own. */
class MadeDerivation implements EvaluatedDerivation {
  readonly kind = 'derivation';
  readonly path: string;
  readonly references: readonly string[];
  readonly derivation: Derivation;

  constructor(path: string, derivation: Derivation, references: readonly string[]) {
    this.path = path;
    this.derivation = derivation;
    this.references = references;
  }

  get name(): string {
    return this.derivation.name;
  }

  get bytes(): Buffer {
    return printDerivation(this.derivation);
  }
}

function readOutputNames(name: string, outputs: unknown): readonly string[] {
  if (outputs === undefined) return ['out'];
  const invalid = (why: string) =>
    new AirplantError('ERR_DERIVATION_INVALID', `the outputs of derivation ${name} ${why}`, {
      details: { attribute: 'outputs' },
    });
  if (!Array.isArray(outputs) || !outputs.every((output) => typeof output === 'string')) {
    throw invalid('must be a list of names');
  }
  if (outputs.length === 0) throw invalid('cannot be an empty list');
  const twice = outputs.find((output, i) => outputs.indexOf(output) < i);
  if (twice !== undefined) throw invalid(`have ${quote(twice)} twice`);
  for (const output of outputs) checkOutputName(name, output);
  return outputs;
}

function pathOrPlaceholder(
  registry: Registry,
  made: { drvPath: string; derivation: Derivation; output: string },
): string {
  const output = made.derivation.outputs.get(made.output)!;
  if (output.kind === 'input-addressed' || output.kind === 'fixed') return output.path;
  const { hashPart } = parseStorePath(registry.storeDir, made.drvPath);
  return upstreamPlaceholder(hashPart, outputPathName(made.derivation.name, made.output));
}

function evaluateSource(
  registry: Registry,
  path: string | URL,
  about: { name?: string; filter?: SourceFilter },
): StoreFile {
  const hostPath = resolve(path instanceof URL ? fileURLToPath(path) : path);
  const { name = basename(hostPath), filter } = about;
  checkName(name);
  const { narHash, narSize } = hashSource(hostPath, filter);
  return makeStoreFile(registry, {
    kind: 'source',
    path: makeFixedOutputPath(registry.storeDir, { name, method: 'nar', hash: narHash }),
    name,
    hostPath,
    filter,
    narHash,
    narSize,
    references: [],
  });
}

function evaluateText(registry: Registry, name: string, text: string): StoreFile {
  checkName(name);
  const found = new Set<Reference>();
  const bytes = encodeText(coerceToText(text, coercion(registry, found, `the text of ${name}`)));
  const references = [...found].map((reference) => {
    if (reference.kind === 'file') return reference.path;
    throw new AirplantError(
      'ERR_DERIVATION_INVALID',
      `the text of ${name} refers to the derivation ${reference.drvPath}, which has yet to be built`,
      { hint: 'Write the file in a derivation instead.', details: { name, drvPath: reference.drvPath } },
    );
  });
  const path = makeTextPath(registry.storeDir, { name, hash: hashBytes('sha256', bytes), references });
  return makeStoreFile(registry, { kind: 'text', path, name, bytes, references });
}

function evaluateStorePath(registry: Registry, path: string): StoreFile {
  const top = storePathOf(registry.storeDir, path);
  const { name } = parseStorePath(registry.storeDir, top);
  return makeStoreFile(registry, { kind: 'existing', path: top, name, references: [] }, path);
}
