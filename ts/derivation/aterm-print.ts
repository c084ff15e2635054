import { AirplantError } from '../base/errors.js';
import { encodeText } from '../base/text.js';
import type { Derivation, DerivationOutput, InputOutputs } from './derivation.js';
import { printMethodAlgorithm } from './method-algorithm.js';
import { sortedSet } from './sorted.js';

/**
 * The bytes of the `.drv` file (an ATerm), exactly as Nix writes them. Maps and sets are sorted here, whatever
 * order they come in. Throws ERR_DERIVATION_INVALID for a string that stands for no bytes (a lone surrogate).
 */
export function printDerivation(derivation: Derivation): Buffer {
  const dynamic = [...derivation.inputDrvs.values()].some((input) => input.dynamic.size > 0);
  return print(derivation, () => ({
    header: dynamic ? 'DrvWithVersion("xp-dyn-drv",' : 'Derive(',
    outputs: tuples(derivation.outputs, printOutput),
    inputDrvs: tuples(derivation.inputDrvs, printInput),
    env: tuples(derivation.env, quote),
  }));
}

/**
 * The text whose SHA-256 is the hash modulo: input derivations named by `inputs` (hash in hex → output names)
 * instead of by their paths. With `maskOutputs` the output paths, and the variables named like outputs, are empty.
 */
export function printForHash(
  derivation: Derivation,
  options: { inputs: ReadonlyMap<string, readonly string[]>; maskOutputs: boolean },
): Buffer {
  const { outputs } = derivation;
  return print(derivation, () => ({
    header: 'Derive(',
    outputs: tuples(outputs, options.maskOutputs ? (output) => printOutput(masked(output)) : printOutput),
    inputDrvs: tuples(options.inputs, (names) => list(sortedSet(names))),
    env: tuples(derivation.env, (value, name) =>
      options.maskOutputs && outputs.has(name) ? '""' : quote(value),
    ),
  }));
}

interface Parts {
  readonly header: string;
  readonly outputs: string;
  readonly inputDrvs: string;
  readonly env: string;
}

function print(derivation: Derivation, printParts: () => Parts): Buffer {
  try {
    const { header, outputs, inputDrvs, env } = printParts();
    const sources = list(sortedSet(derivation.inputSrcs));
    const [system, builder, args] = [
      quote(derivation.system),
      quote(derivation.builder),
      list(derivation.args),
    ];
    return encodeText(`${header}${outputs},${inputDrvs},${sources},${system},${builder},${args},${env})`);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new AirplantError(
      'ERR_DERIVATION_INVALID',
      `derivation ${derivation.name} holds a string that is not text: ${cause.message}`,
      { cause },
    );
  }
}

function printOutput(output: DerivationOutput): string {
  switch (output.kind) {
    case 'input-addressed':
      return `${quote(output.path)},"",""`;
    case 'fixed':
      return `${quote(output.path)},"${printMethodAlgorithm(output.method, output.hash.algorithm)}","${output.hash.hex}"`;
    case 'floating':
      return `"","${printMethodAlgorithm(output.method, output.algorithm)}",""`;
    case 'deferred':
      return '"","",""';
    case 'impure':
      return `"","${printMethodAlgorithm(output.method, output.algorithm)}","impure"`;
  }
}

function masked(output: DerivationOutput): DerivationOutput {
  if (output.kind === 'input-addressed') return { kind: 'deferred' };
  return output.kind === 'fixed' ? { ...output, path: '' } : output;
}

function printInput(input: InputOutputs): string {
  const outputs = list(sortedSet(input.outputs));
  return input.dynamic.size === 0 ? outputs : `(${outputs},${tuples(input.dynamic, printInput)})`;
}

/** `[("key",value),…]` in the order of the keys. */
function tuples<Value>(
  map: ReadonlyMap<string, Value>,
  printValue: (value: Value, key: string) => string,
): string {
  const keys = sortedSet([...map.keys()]);
  return `[${keys.map((key) => `(${quote(key)},${printValue(map.get(key)!, key)})`).join(',')}]`;
}

function list(items: readonly string[]): string {
  return `[${items.map(quote).join(',')}]`;
}

function quote(text: string): string {
  return `"${needsEscape.test(text) ? text.replace(/["\\\n\r\t]/g, (special) => escapes[special]!) : text}"`;
}

const needsEscape = /["\\\n\r\t]/;

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};
