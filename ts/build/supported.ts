import { AirplantError } from '../base/errors.js';
import { printable, quote } from '../base/quote.js';
import type { Derivation, InputOutputs } from '../derivation/derivation.js';
import type { DerivationOptions } from '../derivation/options.js';
import { hostDependencies } from './host-dependencies.js';
import type { BuildOptions } from './options.js';
import { isSealed } from './sealing.js';

/** What of this machine decides whether a derivation can be built on it. */
export type Machine = Pick<
  BuildOptions,
  'system' | 'extraPlatforms' | 'systemFeatures' | 'sandbox' | 'storeInPlace' | 'allowedImpureHostDeps'
>;

/**
 * Refuses what this machine cannot build, and what a derivation can ask for and this version does not do: leaving it
 * out would be another build than the one asked for. What Nix on Linux ignores (`__sandboxProfile`,
 * `__darwinAllowLocalNetworking`) is harmless. Pure.
 *
 * Throws ERR_UNSUPPORTED, which names everything that is not supported, ERR_PLATFORM, ERR_SANDBOX_REQUIRED for a build
 * that is not to be sealed and must be, or what `hostDependencies` throws.
 */
export function checkBuildable(
  { drvPath, derivation }: { readonly drvPath: string; readonly derivation: Derivation },
  wishes: DerivationOptions,
  machine: Machine,
): void {
  checkSupported(drvPath, derivation, wishes);
  checkPlatform(drvPath, derivation, wishes.requiredSystemFeatures, machine);
  isSealed({ drvPath, derivation, noChroot: wishes.noChroot }, machine);
  hostDependencies(drvPath, wishes.impureHostDeps, machine.allowedImpureHostDeps);
}

function checkSupported(drvPath: string, derivation: Derivation, wishes: DerivationOptions): void {
  const asked = unsupportedWishes(derivation, wishes).filter(([isAsked]) => isAsked);
  if (asked.length === 0) return;
  const what = asked.map(([, one]) => one).join('; and for ');
  const hints = asked.flatMap(([, , hint]) => hint ?? []);
  throw new AirplantError('ERR_UNSUPPORTED', `'${drvPath}' asks for ${what}`, {
    hint: hints.length > 0 ? hints.join(' ') : undefined,
    details: { drvPath },
  });
}

function unsupportedWishes(
  derivation: Derivation,
  wishes: DerivationOptions,
): readonly (readonly [asked: boolean, what: string, hint?: string])[] {
  const outputs = [...derivation.outputs.values()];
  const { builder } = derivation;
  return [
    [outputs.some((output) => !('path' in output)), 'outputs whose paths depend on their content'],
    [
      outputs.some((output) => output.kind === 'fixed' && output.method === 'git'),
      'an output that is hashed as a git tree',
    ],
    [
      [...derivation.inputDrvs.values()].some(({ dynamic }: InputOutputs) => dynamic.size > 0),
      'an input that a build has yet to make the derivation of',
    ],
    [builder.startsWith('builtin:'), `the builder ${quote(builder)}`],
    [wishes.structuredAttrs !== undefined, 'structured attributes'],
    [wishes.exportReferencesGraph.size > 0, 'the graph of a closure (exportReferencesGraph)'],
    [
      wishes.outputChecks.size > 0,
      'a check of what its outputs refer to (allowedReferences, disallowedReferences, allowedRequisites or disallowedRequisites)',
    ],
    ...featuresOfTheSandbox.map(
      (feature) =>
        [wishes.requiredSystemFeatures.includes(feature), `the system feature ${quote(feature)}`] as const,
    ),
  ];
}

/** Features that change what the builder finds, so that naming them in `system-features` does not provide them. */
const featuresOfTheSandbox = ['recursive-nix', 'uid-range'];

function checkPlatform(
  drvPath: string,
  { system }: Derivation,
  features: readonly string[],
  machine: Machine,
): void {
  const runs = system === machine.system || machine.extraPlatforms.includes(system) || system === 'builtin';
  if (runs && features.every((feature) => machine.systemFeatures.includes(feature))) return;
  const list = (names: readonly string[]) => `{${[...names].sort().join(', ')}}`;
  throw new AirplantError(
    'ERR_PLATFORM',
    `a ${quote(system)} with features ${printable(list(features))} is required to build '${drvPath}', but I am a '${machine.system}' with features ${list(machine.systemFeatures)}`,
    { details: { drvPath, system } },
  );
}
