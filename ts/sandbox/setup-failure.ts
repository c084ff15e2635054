import { AirplantError } from '../base/errors.js';
import { printable } from '../base/quote.js';
import { isDiskFull } from '../doctor/cause.js';
import { explain } from '../doctor/explain.js';
import type { Host } from '../doctor/host.js';
import { networkError } from './network-failure.js';
import type { SandboxSetupFailure } from './spec.js';

/**
 * A refused step of the set-up as an error: ERR_SANDBOX_SETUP; where the sandbox stood and only the builder would not
 * start, ERR_BUILDER_MISSING or ERR_BUILDER_EXEC, which are failed builds as in Nix; where the disk is full,
 * ERR_DISK_FULL; where the network helper failed, ERR_NETWORK_HELPER. The hint is the cause and cure found on this host;
 * where there is none, the catalogue's.
 */
export function setupError(failure: SandboxSetupFailure, host: Host): AirplantError {
  const { step, errno } = failure;
  const details = { step, errno, path: failure.path };
  // Of the builder's choosing where a derivation asks for it.
  const path = printable(failure.path);
  if (step === 'exec' && (errno === 'ENOENT' || errno === 'ENOTDIR')) {
    return new AirplantError(
      'ERR_BUILDER_MISSING',
      `the builder ${path}, or the interpreter it names, does not exist in the sandbox`,
      { details },
    );
  }
  if (step === 'network-helper' || step === 'network-routes') return networkError(failure);
  const about = path === '' ? '' : ` ${path}`;
  const explanation = explain(failure, host);
  const hint = explanation && `${explanation.cause} ${explanation.cure}`;
  if (isDiskFull(failure)) {
    return new AirplantError('ERR_DISK_FULL', `no space left for the sandbox: ${step} ${path}: ${errno}`, {
      hint,
      details,
    });
  }
  if (step === 'exec' && faultsOfTheBuilder.has(errno)) {
    return new AirplantError('ERR_BUILDER_EXEC', `the builder ${path} cannot be executed: ${errno}`, {
      hint,
      details,
    });
  }
  return new AirplantError('ERR_SANDBOX_SETUP', `the sandbox cannot be set up: ${step}${about}: ${errno}`, {
    hint,
    details,
  });
}

/** What execve(2) says of the file, the arguments and the environment, rather than of the machine. */
const faultsOfTheBuilder: ReadonlySet<string> = new Set([
  'E2BIG',
  'EACCES',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOEXEC',
]);
