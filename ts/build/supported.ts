import { AirplantError } from '../base/errors.js';
import { printable, quote } from '../base/quote.js';
import type { Derivation, InputOutputs } from '../derivation/derivation.js';
import type { DerivationOptions } from '../derivation/options.js';
import { rangeExplanation } from '../doctor/ids.js';
import { isBuiltinBuilder } from '../sandbox/builtin.js';
import { hostDependencies } from './host-dependencies.js';
import type { BuildOptions } from './options.js';
import { resolveOutputChecks } from './output-checks.js';
import { isSealed } from './sealing.js';

/** What of this machine decides whether a derivation can be built on it. */
export type Machine = Pick<
  BuildOptions,
  | 'system'
  | 'extraPlatforms'
  | 'systemFeatures'
  | 'sandbox'
  | 'storeInPlace'
  | 'allowedImpureHostDeps'
  | 'ids'
>;

/**
 * Refuses what this machine cannot build, and what a derivation can ask for and this version does not do: leaving it
 * out would be another build than the one asked for. What Nix on Linux ignores (`__sandboxProfile`,
 * `__darwinAllowLocalNetworking`) is harmless. Pure.
 *
 * Throws ERR_UNSUPPORTED, which names everything that is not supported, ERR_PLATFORM, ERR_SANDBOX_REQUIRED for a build
 * that is not to be sealed and must be, or what `hostDependencies` and `resolveOutputChecks` throw.
 */
export function checkBuildable(
  { drvPath, derivation }: { readonly drvPath: string; readonly derivation: Derivation },
  wishes: DerivationOptions,
  machine: Machine,
): void {
  checkSupported(drvPath, derivation, wishes);
  checkRange(drvPath, wishes, machine);
  resolveOutputChecks(drvPath, derivation, wishes.outputChecks);
  checkPlatform(drvPath, derivation, wishes.requiredSystemFeatures, machine);
  checkSealed(drvPath, derivation, wishes, machine);
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
    ...unknownPaths.map(([kind, what]) => [outputs.some((output) => output.kind === kind), what] as const),
    [
      outputs.some((output) => output.kind === 'fixed' && output.method === 'git'),
      'an output that is hashed as a git tree',
    ],
    [
      [...derivation.inputDrvs.values()].some(({ dynamic }: InputOutputs) => dynamic.size > 0),
      'an input that a build has yet to make the derivation of',
    ],
    [builder.startsWith('builtin:') && !isBuiltinBuilder(builder), `the builder ${quote(builder)}`],
    ...featuresOfTheSandbox.map(
      (feature) =>
        [wishes.requiredSystemFeatures.includes(feature), `the system feature ${quote(feature)}`] as const,
    ),
  ];
}

/** Outputs whose paths nobody knows before the build. */
const unknownPaths = [
  ['floating', 'outputs whose paths depend on their content'],
  ['impure', 'impure outputs, whose paths depend on their content'],
  ['deferred', 'outputs whose paths depend on the content of inputs'],
] as const;

/** Features that change what the builder finds, so that naming them in `system-features` does not provide them. */
const featuresOfTheSandbox = ['recursive-nix'];

/** The system feature of builds that have many ids; `system-features` cannot provide it either. */
export const uidRange = 'uid-range';

function checkRange(drvPath: string, { requiredSystemFeatures }: DerivationOptions, { ids }: Machine): void {
  const explanation = requiredSystemFeatures.includes(uidRange) ? rangeExplanation(ids.supply) : undefined;
  if (!explanation) return;
  throw new AirplantError('ERR_UNSUPPORTED', `'${drvPath}' asks for the system feature '${uidRange}'`, {
    hint: `${explanation.cause} ${explanation.cure}`,
    details: { drvPath },
  });
}

/** Only in a sandbox can a builder be somebody else than the caller. */
function checkSealed(
  drvPath: string,
  derivation: Derivation,
  { noChroot, requiredSystemFeatures }: DerivationOptions,
  machine: Machine,
): void {
  if (isSealed({ drvPath, derivation, noChroot }, machine)) return;
  const many = requiredSystemFeatures.includes(uidRange);
  if (!many && !machine.ids.supply.hostRoot) return;
  throw new AirplantError(
    'ERR_SANDBOX_REQUIRED',
    many
      ? `'${drvPath}' requires '${uidRange}', which there is in the sandbox only`
      : `'${drvPath}' is to be built outside the sandbox, where its builder would be root`,
    { hint: 'Build it with `sandbox = true`, or as an ordinary user.', details: { drvPath } },
  );
}

function checkPlatform(
  drvPath: string,
  { system, builder }: Derivation,
  features: readonly string[],
  machine: Machine,
): void {
  // A part of airplant runs wherever airplant does.
  const runs =
    system === machine.system || machine.extraPlatforms.includes(system) || isBuiltinBuilder(builder);
  if (runs && features.every((feature) => machine.systemFeatures.includes(feature))) return;
  const list = (names: readonly string[]) => `{${[...names].sort().join(', ')}}`;
  throw new AirplantError(
    'ERR_PLATFORM',
    `a ${quote(system)} with features ${printable(list(features))} is required to build '${drvPath}', but I am a '${machine.system}' with features ${list(machine.systemFeatures)}`,
    { details: { drvPath, system } },
  );
}
