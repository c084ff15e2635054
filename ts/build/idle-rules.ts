import { quote } from '../base/quote.js';
import { property } from '../derivation/attributes.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';

/**
 * Sentences about rules for outputs that have no effect, here as in Nix, though somebody wrote them down: those beside
 * structured attributes (of which Nix 2.36 warns, too), and those for outputs that the derivation has not. Pure.
 */
export function idleRules(drvPath: string, derivation: Derivation): string[] {
  const { structuredAttrs, outputChecks, unsafeDiscardReferences } = derivationOptions(derivation);
  if (!structuredAttrs) return [];
  const topLevel = unstructuredRules.filter((name) => property(structuredAttrs, name) !== undefined);
  const isUnknown = (name: string) => !derivation.outputs.has(name);
  const unknown = (attribute: string, names: Iterable<string>) =>
    [...names]
      .filter(isUnknown)
      .map((name) => `'${attribute}' of '${drvPath}' names ${quote(name)}, which is none of its outputs`);
  return [
    ...topLevel.map(
      (name) =>
        `'structuredAttrs' disables the effect of the top-level attribute '${name}' of '${drvPath}'; use 'outputChecks' instead`,
    ),
    ...unknown('outputChecks', outputChecks.keys()),
    ...unknown('unsafeDiscardReferences', unsafeDiscardReferences),
  ];
}

const unstructuredRules = [
  ...['allowedReferences', 'allowedRequisites', 'disallowedReferences', 'disallowedRequisites'],
  ...['maxSize', 'maxClosureSize'],
];
