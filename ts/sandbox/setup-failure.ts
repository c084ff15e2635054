import { AirplantError } from '../base/errors.js';
import type { SandboxSetupFailure } from './spec.js';

/** A refused step of the set-up as an error: ERR_SANDBOX_SETUP, or ERR_BUILDER_MISSING if only the builder was not there. */
export function setupError(failure: SandboxSetupFailure): AirplantError {
  const { step, errno, path } = failure;
  const details = { step, errno, path };
  if (step === 'exec' && (errno === 'ENOENT' || errno === 'ENOTDIR')) {
    return new AirplantError(
      'ERR_BUILDER_MISSING',
      `the builder ${path}, or the interpreter it names, does not exist in the sandbox`,
      { details },
    );
  }
  const about = path === '' ? '' : ` ${path}`;
  return new AirplantError('ERR_SANDBOX_SETUP', `the sandbox cannot be set up: ${step}${about}: ${errno}`, {
    hint: hints.find((row) => row.step.test(step) && row.errno.test(errno))?.hint,
    details,
  });
}

/** The usual cause of a refusal, first match first. What is not here has the catalogue's hint: `airplant doctor`. */
const hints: readonly { readonly step: RegExp; readonly errno: RegExp; readonly hint: string }[] = [
  {
    step: /^unshare-/,
    errno: /^(ENOSPC|EUSERS)$/,
    hint: 'The limit of namespaces of this kind is reached or 0; see the sysctls user.max_*_namespaces.',
  },
  {
    step: /^unshare-user$/,
    errno: /^EPERM$/,
    hint: 'Unprivileged user namespaces are off (sysctl kernel.unprivileged_userns_clone, or the seccomp profile of a container).',
  },
  {
    step: /^(unshare-|mount-private$|write-(uid-map|gid-map|setgroups)$)/,
    errno: /^(EPERM|EACCES)$/,
    hint: 'The user namespace has no rights: an AppArmor restriction (sysctl kernel.apparmor_restrict_unprivileged_userns) or a container is the usual reason.',
  },
  {
    step: /^write-/,
    errno: /^EROFS$/,
    hint: 'This process sees a read-only /proc, as in some containers; mount it writable there.',
  },
  {
    step: /^open-proc$/,
    errno: /./,
    hint: 'A /proc file system is needed at /proc to map user ids.',
  },
  {
    step: /^mount-proc$/,
    errno: /^EPERM$/,
    hint: 'Parts of /proc are covered here, as in a container; there, use `--security-opt systempaths=unconfined`.',
  },
  {
    step: /^(mount-|bind$)/,
    errno: /^ENOSPC$/,
    hint: 'The limit of mounts is reached, not the disk full; see the sysctl fs.mount-max.',
  },
  {
    step: /^bind$/,
    errno: /^(ENOENT|ENOTDIR)$/,
    hint: 'A path that is to be visible in the sandbox does not exist on this machine.',
  },
  {
    step: /^verify-device$/,
    errno: /./,
    hint: 'The host has something else than the expected device at this place in /dev.',
  },
  {
    step: /^session-keyring$/,
    errno: /^EDQUOT$/,
    hint: 'The limit of keyrings is reached; see the sysctl kernel.keys.maxkeys.',
  },
  {
    step: /^exec$/,
    errno: /^ENOEXEC$/,
    hint: 'The builder is no program this machine can execute.',
  },
  {
    step: /^exec$/,
    errno: /^E2BIG$/,
    hint: 'Arguments and environment are larger than the kernel allows (128 KiB each string, a quarter of the stack limit in all).',
  },
  {
    step: /^exec$/,
    errno: /^EACCES$/,
    hint: 'The builder is not executable.',
  },
];
