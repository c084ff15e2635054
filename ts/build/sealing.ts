import { AirplantError } from '../base/errors.js';
import type { Settings } from '../config/settings.js';
import type { Derivation } from '../derivation/derivation.js';
import { isFixedOutput } from '../derivation/fixed.js';

/** What decides whether a build is sealed besides its derivation. */
export interface SealingOptions {
  readonly sandbox: Settings['sandbox'];
  /** The files of the store lie where its paths say; otherwise they exist in a sandbox only. */
  readonly storeInPlace: boolean;
}

/**
 * Whether a derivation is built in a sandbox; otherwise it is built on the machine itself, as the caller. As in Nix:
 * `relaxed` leaves out those with `__noChroot` and those with a fixed output. Where paths exist in a sandbox only, Nix
 * seals whatever it was told; here that is so for fixed outputs alone, which ask for nothing themselves.
 *
 * Throws ERR_SANDBOX_REQUIRED for what asks not to be sealed and must be.
 */
export function isSealed(
  build: { readonly drvPath: string; readonly derivation: Derivation; readonly noChroot: boolean },
  { sandbox, storeInPlace }: SealingOptions,
): boolean {
  const { drvPath, derivation, noChroot } = build;
  if (sandbox === true) {
    if (!noChroot) return true;
    throw new AirplantError(
      'ERR_SANDBOX_REQUIRED',
      `derivation '${drvPath}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'`,
      {
        hint: 'With `sandbox = relaxed` it would be built outside the sandbox, and could read and change whatever you can.',
        details: { drvPath },
      },
    );
  }
  if (storeInPlace) return sandbox === 'relaxed' && !noChroot && !isFixedOutput(derivation);
  if (sandbox === 'relaxed' && !noChroot) return true;
  throw new AirplantError(
    'ERR_SANDBOX_REQUIRED',
    `'${drvPath}' is to be built outside the sandbox, but the paths of this store exist in a sandbox only`,
    {
      hint: 'Leave `sandbox` at true, or use a store whose files lie where its paths say: NIX_STORE_DIR names one.',
      details: { drvPath },
    },
  );
}
