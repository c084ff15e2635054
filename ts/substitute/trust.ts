import { isSelfCertifying } from '../formats/content-address.js';
import { type PublicKey, signers } from '../formats/signature.js';
import type { PathInfo } from '../store/path-info.js';
import type { Substituter } from './substituter.js';

/** Whose word is taken for what a path holds. */
export interface TrustPolicy {
  /** Nix's `require-sigs`. */
  readonly requireSignatures: boolean;
  /** Nix's `trusted-public-keys`, by name. */
  readonly publicKeys: ReadonlyMap<string, PublicKey>;
}

/**
 * As in Nix: everything from a substituter that is trusted, or where signatures are not required; what vouches for
 * itself by its path, since that is compared with its contents once they are there; and what has a signature of a trusted
 * key.
 */
export function isTrustworthy(
  info: PathInfo,
  { trusted, storeDir }: Pick<Substituter, 'trusted' | 'storeDir'>,
  { requireSignatures, publicKeys }: TrustPolicy,
): boolean {
  if (trusted || !requireSignatures) return true;
  if (isSelfCertifying(storeDir, info)) return true;
  return signers(publicKeys, info).length > 0;
}
