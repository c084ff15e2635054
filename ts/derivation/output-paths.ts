import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { makeFixedOutputPath, makeOutputPath, outputPathName } from '../formats/make-store-path.js';
import type { Derivation, DerivationOutput } from './derivation.js';
import { type HashContext, type HashModulo, hashDerivationModulo } from './hash-modulo.js';
import { derivationKind } from './kind.js';

export interface OutputPathContext extends HashContext {
  readonly storeDir: string;
}

/**
 * The store path each output must have; undefined where only the build (floating, impure) or the resolution of
 * inputs (deferred) can tell. What the derivation itself states, in its outputs and environment, is not looked at.
 * Throws as `hashDerivationModulo`, and ERR_NAME for a name no path can have.
 */
export function outputPaths(
  derivation: Derivation,
  context: OutputPathContext,
): Map<string, string | undefined> {
  const kind = derivationKind(derivation);
  const modulo =
    kind === 'input-addressed'
      ? hashDerivationModulo(derivation, { ...context, maskOutputs: true })
      : undefined;
  return new Map(
    [...derivation.outputs].map(([outputName, output]) => [
      outputName,
      outputPath(derivation, context.storeDir, { outputName, output, modulo }),
    ]),
  );
}

/**
 * The derivation with its deferred outputs, and the variables named like them, set to their paths, if these are
 * known. (`derivation` as it is otherwise.)
 */
export function fillOutputPaths(derivation: Derivation, context: OutputPathContext): Derivation {
  const deferred = [...derivation.outputs].filter(([, output]) => output.kind === 'deferred');
  if (deferred.length === 0) return derivation;
  const paths = outputPaths(derivation, context);
  const outputs = new Map(derivation.outputs);
  const env = new Map(derivation.env);
  for (const [outputName] of deferred) {
    const path = paths.get(outputName);
    if (path === undefined) return derivation;
    outputs.set(outputName, { kind: 'input-addressed', path });
    env.set(outputName, path);
  }
  return { ...derivation, outputs, env };
}

/**
 * Checks that every output path stated is the one it must have, and that the variable named like the output says
 * the same, as a store does before it takes a derivation in. Throws ERR_DERIVATION_INVALID.
 */
export function checkOutputPaths(derivation: Derivation, context: OutputPathContext): void {
  checkStatedPaths(derivation, outputPaths(derivation, context));
}

/**
 * The same for fixed outputs alone, whose paths follow from their hashes, as Nix checks them since 2026: Nix 2.8 takes derivations
 * into a store without looking at the path they state for such an output. Throws ERR_DERIVATION_INVALID.
 */
export function checkFixedPaths(derivation: Derivation, storeDir: string): void {
  const paths = new Map<string, string>();
  for (const [outputName, output] of derivation.outputs) {
    if (output.kind !== 'fixed') return;
    paths.set(outputName, outputPath(derivation, storeDir, { outputName, output, modulo: undefined })!);
  }
  checkStatedPaths(derivation, paths);
}

function checkStatedPaths(derivation: Derivation, paths: ReadonlyMap<string, string | undefined>): void {
  for (const [outputName, output] of derivation.outputs) {
    if (output.kind !== 'input-addressed' && output.kind !== 'fixed') continue;
    const path = paths.get(outputName);
    if (path === undefined) {
      throw invalid(
        derivation,
        outputName,
        `states the path of its output ${quote(outputName)}, which is not known before its inputs are`,
      );
    }
    if (output.path !== path) {
      throw invalid(
        derivation,
        outputName,
        `has incorrect output ${quote(output.path, 300)}, should be ${quote(path, 300)}`,
      );
    }
    if (derivation.env.get(outputName) !== path) {
      throw invalid(
        derivation,
        outputName,
        `has incorrect environment variable ${quote(outputName)}, should be ${quote(path, 300)}`,
      );
    }
  }
}

function outputPath(
  derivation: Derivation,
  storeDir: string,
  about: { outputName: string; output: DerivationOutput; modulo: HashModulo | undefined },
): string | undefined {
  const { outputName, output, modulo } = about;
  if (output.kind === 'fixed') {
    const { method, hash } = output;
    return makeFixedOutputPath(storeDir, { name: outputPathName(derivation.name, outputName), method, hash });
  }
  if (modulo?.kind !== 'known') return undefined;
  return makeOutputPath(storeDir, {
    outputName,
    hash: { algorithm: 'sha256', hex: modulo.hashes!.get(outputName)! },
    derivationName: derivation.name,
  });
}

function invalid(derivation: Derivation, outputName: string, why: string): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', `derivation ${quote(derivation.name)} ${why}`, {
    details: { name: derivation.name, outputName },
  });
}
