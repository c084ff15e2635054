import type { EvaluatedObject } from './objects.js';
import type { Reference, Registry } from './registry.js';

/** Any value an evaluator made; it stands for its `outPath`. */
export interface PathValue {
  readonly outPath: string;
  toString(): string;
}

/**
 * What `source`, `toFile` and `storePath` give: a store path. In a template string it is its path; as an attribute
 * it is also an input of the derivation.
 */
export interface StoreFile extends PathValue {
  readonly path: string;
}

/**
 * What `derivation` gives: one output of a derivation (the first, unless another was picked), with all outputs
 * beside it: `lib.outputs.dev`, or `lib.dev` unless that name is taken. In a template string it is the output path,
 * or a placeholder for it where it is not known before building.
 */
export type DerivationValue<Output extends string = string> = DerivationBase<Output> & {
  readonly [Name in Exclude<Output, keyof DerivationBase<Output>>]: DerivationValue<Output>;
};

export interface DerivationBase<Output extends string = string> extends PathValue {
  readonly name: string;
  readonly drvPath: string;
  /** The output this value stands for. */
  readonly outputName: Output;
  readonly outputs: Readonly<Record<Output, DerivationValue<Output>>>;
}

/** What any `derivation` gives, whatever its outputs are called. */
export type AnyDerivation = Omit<DerivationBase, 'outputs'>;

/**
 * Every value an evaluator makes has this, also when another copy of this package made it: a module and the
 * program that reads it need not share one.
 */
export const evaluated = Symbol.for('airplant.evaluated.v1');

export interface Evaluated {
  readonly registry: Registry;
  readonly reference: Reference;
  /** The text it stands for. */
  readonly path: string;
}

export function evaluatedOf(value: unknown): Evaluated | undefined {
  return typeof value === 'object' && value !== null && evaluated in value
    ? (value[evaluated] as Evaluated)
    : undefined;
}

/** `path` is the object's own or one below it. */
export function makeStoreFile(registry: Registry, object: EvaluatedObject, path = object.path): StoreFile {
  registry.add(object);
  return withEvaluated(
    { path, outPath: path, toString: () => path },
    {
      registry,
      reference: { kind: 'file', path: object.path },
      path,
    },
  );
}

/** `paths` are the output paths or placeholders by name, in the order of the author, who means the first. */
export function makeDerivationValue(
  registry: Registry,
  made: { name: string; drvPath: string; paths: ReadonlyMap<string, string> },
): DerivationValue {
  const { name, drvPath, paths } = made;
  const outputs: Record<string, DerivationValue> = Object.create(null);
  for (const [outputName, path] of paths) {
    const reference: Reference = { kind: 'output', drvPath, outputName };
    registry.recognise(path, reference);
    const base: DerivationBase = { name, drvPath, outPath: path, outputName, outputs, toString: () => path };
    const about = { registry, reference, path };
    outputs[outputName] = withEvaluated(base, about) as DerivationValue;
  }
  for (const value of Object.values(outputs)) {
    for (const outputName of paths.keys()) {
      if (!(outputName in value)) Object.defineProperty(value, outputName, { value: outputs[outputName] });
    }
    Object.freeze(value);
  }
  const [first] = paths.keys();
  return Object.freeze(outputs)[first!]!;
}

function withEvaluated<Value extends object>(value: Value, about: Evaluated): Value {
  return Object.defineProperty(value, evaluated, { value: about });
}
