import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { outputPathName } from '../formats/make-store-path.js';
import { checkName, parseStorePath } from '../formats/store-path.js';
import { isByteString } from './byte-string.js';
import type { Derivation, InputOutputs } from './derivation.js';
import { derivationKind } from './kind.js';

/**
 * Checks all that can be checked without knowing the inputs: names, paths, kinds of outputs, strings a process can
 * be given, and that the variable named like an output holds its path. (`checkOutputPaths` recomputes the paths.)
 * Throws ERR_DERIVATION_INVALID, ERR_NAME or ERR_STORE_PATH.
 */
export function validateDerivation(storeDir: string, derivation: Derivation): void {
  const { name, system, builder, args, env, inputSrcs } = derivation;
  checkDerivationName(name);
  derivationKind(derivation);
  for (const outputName of derivation.outputs.keys()) checkOutputName(name, outputName);
  checkOutputPathsStated(storeDir, derivation);
  for (const [drvPath, input] of derivation.inputDrvs) {
    if (!parseStorePath(storeDir, drvPath).name.endsWith('.drv')) {
      throw invalid(name, `has the input derivation ${quote(drvPath)}, which is none`);
    }
    checkInput(name, input);
  }
  for (const path of inputSrcs) parseStorePath(storeDir, path);

  // Nix would write a quote in the platform without escaping it, and read something else back.
  if (system === '' || /["\\\n\r\t\0]/.test(system)) throw invalid(name, `has the system ${quote(system)}`);
  if (builder === '') throw invalid(name, 'has no builder');
  checkString(name, 'the system', system);
  checkString(name, 'the builder', builder);
  for (const arg of args) checkString(name, 'an argument', arg);
  for (const [key, value] of env) {
    checkString(name, 'the name of a variable', key);
    checkString(name, `the variable ${quote(key)}`, value);
  }
}

/** The name without `.drv`: fit for store paths of the derivation and of outputs, and not itself ending in `.drv`. */
export function checkDerivationName(name: string): void {
  checkName(`${name}.drv`);
  if (name === '' || name.endsWith('.drv')) {
    throw new AirplantError('ERR_NAME', `${quote(name)} cannot be the name of a derivation`, {
      hint: 'Names are not empty and do not end in `.drv`.',
      details: { name },
    });
  }
}

/** `drv` is taken: it would make the attribute `drvPath` ambiguous in Nix. */
export function checkOutputName(name: string, outputName: string): void {
  if (outputName === 'drv') throw invalid(name, "has an output called 'drv'");
  checkName(outputName);
  checkName(outputPathName(name, outputName));
}

function checkOutputPathsStated(storeDir: string, derivation: Derivation): void {
  const { name, env } = derivation;
  for (const [outputName, output] of derivation.outputs) {
    if (output.kind !== 'input-addressed' && output.kind !== 'fixed') continue;
    const path = parseStorePath(storeDir, output.path);
    const expected = outputPathName(name, outputName);
    if (path.name !== expected) {
      throw invalid(
        name,
        `has the output ${quote(output.path)}, which should end in ${quote(`-${expected}`)}`,
      );
    }
    if (env.get(outputName) !== output.path) {
      throw invalid(
        name,
        `has incorrect environment variable ${quote(outputName)}, should be ${quote(output.path)}`,
      );
    }
  }
}

/** Nesting is bounded where derivations are read (`maxDynamicDepth`). */
function checkInput(name: string, input: InputOutputs): void {
  for (const outputName of input.outputs) checkName(outputName);
  for (const [outputName, inner] of input.dynamic) {
    checkName(outputName);
    checkInput(name, inner);
  }
}

function checkString(name: string, what: string, text: string): void {
  if (text.includes('\0')) throw invalid(name, `has a NUL character in ${what}`);
  if (!isByteString(text)) throw invalid(name, `has a lone surrogate in ${what}, which is not text`);
}

function invalid(name: string, why: string): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', `derivation ${quote(name)} ${why}`, {
    details: { name },
  });
}
