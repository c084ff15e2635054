import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { isDerivationName } from '../derivations.js';
import type { QueryStore } from './query-store.js';

/**
 * The value of a variable in the environment of a derivation, or of the one recorded as the maker of a path. The
 * messages are Nix's.
 *
 * Throws ERR_PATH_INVALID, also where no maker is recorded, and ERR_DERIVATION_INVALID if there is no such variable.
 */
export function binding(store: QueryStore, path: string, name: string): string {
  const drvPath = isDerivationName(path) ? path : store.pathInfo(path).deriver;
  if (drvPath === undefined) {
    throw new AirplantError('ERR_PATH_INVALID', `deriver of path '${path}' is not known`, {
      hint: 'Name the derivation itself.',
      details: { path },
    });
  }
  const { env } = store.readDerivation(drvPath);
  const value = env.get(name);
  if (value !== undefined) return value;
  throw new AirplantError(
    'ERR_DERIVATION_INVALID',
    `derivation '${drvPath}' has no environment binding named ${quote(name)}`,
    { details: { drvPath, name } },
  );
}
