import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Derivation, DerivationOutput } from './derivation.js';

/**
 * The one kind all outputs of a derivation share; `input-addressed` also stands for `deferred` outputs, which are
 * input-addressed ones whose path has to wait. Throws ERR_DERIVATION_INVALID where there is no output, where
 * kinds are mixed, or where a fixed output is not the only one and called `out`.
 */
export function derivationKind(
  derivation: Pick<Derivation, 'name' | 'outputs'>,
): Exclude<DerivationOutput['kind'], 'deferred'> {
  const kinds = new Set(
    [...derivation.outputs.values()].map(({ kind }) => (kind === 'deferred' ? 'input-addressed' : kind)),
  );
  const [kind] = kinds;
  if (kind === undefined) throw invalid(derivation.name, 'has no outputs');
  if (kinds.size > 1)
    throw invalid(derivation.name, `mixes outputs of the kinds ${[...kinds].join(' and ')}`);
  if (kind === 'fixed' && (derivation.outputs.size > 1 || !derivation.outputs.has('out'))) {
    throw invalid(derivation.name, 'has a fixed output that is not its only one, called `out`');
  }
  return kind;
}

function invalid(name: string, why: string): AirplantError {
  return new AirplantError('ERR_DERIVATION_INVALID', `derivation ${quote(name)} ${why}`, {
    details: { name },
  });
}
