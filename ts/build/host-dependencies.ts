import { resolve } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { HostPathWish } from '../sandbox/host-paths.js';

/**
 * The host paths a derivation asks for itself (`__impureHostDeps`), each of which must be, or lie below, one of
 * `allowed`. As in Nix they are compared as text, symlinks unresolved, and one that does not exist is left out. Pure.
 *
 * Throws ERR_DERIVATION_INVALID with Nix's message.
 */
export function hostDependencies(
  drvPath: string,
  asked: readonly string[],
  allowed: readonly string[],
): HostPathWish[] {
  return asked.map((path) => {
    const target = resolve('/', path);
    const prefixes = allowed.map((prefix) => resolve('/', prefix).replace(/\/$/, ''));
    if (!path.startsWith('/') || !prefixes.some((prefix) => `${target}/`.startsWith(`${prefix}/`))) {
      throw new AirplantError(
        'ERR_DERIVATION_INVALID',
        `derivation '${drvPath}' requested impure path ${quote(path)}, but it was not in allowed-impure-host-deps`,
        {
          hint: 'Only the setting `allowed-impure-host-deps` can allow it; put it there if you trust the derivation.',
          details: { drvPath, path },
        },
      );
    }
    const why = '__impureHostDeps of the derivation';
    return { target, source: target, optional: true, readOnly: true, why, expand: true };
  });
}
