import type { Derivation } from '../../../derivation/derivation.js';
import type { LocalStore } from '../../../store/local-store.js';
import { failure } from '../usage.js';

/** A derivation of the store. Throws in Nix's words if it is not there, and for a path of something else. */
export function readDerivation(local: LocalStore, drvPath: string): Derivation {
  if (!drvPath.endsWith('.drv')) throw failure('ERR_STORE_PATH', `path '${drvPath}' is not a derivation`);
  if (local.isValid(drvPath)) return local.readDerivation(drvPath);
  throw failure('ERR_PATH_INVALID', `path '${drvPath}' does not exist and cannot be created`);
}
