import { AirplantError } from '../../base/errors.js';
import { compareText } from '../../base/text.js';
import { isDerivationName } from '../derivations.js';
import type { QueryStore } from './query-store.js';

/**
 * Which paths a query means by a path: with `useOutput` a derivation stands for its outputs, valid or not, in the order
 * of their paths; everything else stands for itself. As Nix's `--use-output`.
 *
 * `realised`: the derivation has been built, and the store knows the outputs of it that could not be known before.
 *
 * Throws ERR_PATH_INVALID for a derivation that is not in the store, ERR_DERIVATION_INVALID for one whose outputs are
 * not known.
 */
export function askedPaths(
  store: QueryStore,
  path: string,
  { useOutput, realised = false }: { readonly useOutput: boolean; readonly realised?: boolean },
): string[] {
  if (!useOutput || !isDerivationName(path)) return [path];
  if (realised) return [...new Set(store.derivationOutputs(path).values())].sort(compareText);
  const outputs = [...store.readDerivation(path).outputs.values()].map((output) => {
    if ('path' in output) return output.path;
    throw new AirplantError(
      'ERR_DERIVATION_INVALID',
      'Cannot use output path of floating content-addressed derivation until we know what it is (e.g. by building it)',
      { hint: 'Build it: `--force-realise` does.', details: { drvPath: path } },
    );
  });
  return [...new Set(outputs)].sort(compareText);
}
