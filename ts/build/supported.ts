import { AirplantError } from '../base/errors.js';
import type { Derivation, InputOutputs } from '../derivation/derivation.js';
import type { DerivationOptions } from '../derivation/options.js';

/**
 * Refuses what a derivation can ask for and this version does not do: leaving it out would be another build than
 * the one asked for. What Nix on Linux ignores (`__sandboxProfile`, `__darwinAllowLocalNetworking`) is harmless.
 *
 * Throws ERR_UNSUPPORTED.
 */
export function checkSupported(drvPath: string, derivation: Derivation, wishes: DerivationOptions): void {
  for (const [asked, what, hint] of unsupportedWishes(derivation, wishes)) {
    if (!asked) continue;
    throw new AirplantError('ERR_UNSUPPORTED', `'${drvPath}' asks for ${what}`, {
      hint,
      details: { drvPath },
    });
  }
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
    [builder.startsWith('builtin:'), `the builder '${builder}'`],
    [wishes.structuredAttrs !== undefined, 'structured attributes'],
    [wishes.exportReferencesGraph.size > 0, 'the graph of a closure (exportReferencesGraph)'],
    [
      wishes.outputChecks.size > 0,
      'a check of what its outputs refer to (allowedReferences, disallowedReferences, allowedRequisites or disallowedRequisites)',
    ],
    [
      wishes.impureHostDeps.length > 0,
      `host paths of its own choice (__impureHostDeps): ${wishes.impureHostDeps.join(' ')}`,
      'What a build may see of the host is the say of `sandbox-paths`.',
    ],
    ...featuresOfTheSandbox.map(
      (feature) =>
        [wishes.requiredSystemFeatures.includes(feature), `the system feature '${feature}'`] as const,
    ),
  ];
}

/** Features that change what the builder finds, so that naming them in `system-features` does not provide them. */
const featuresOfTheSandbox = ['recursive-nix', 'uid-range'];
