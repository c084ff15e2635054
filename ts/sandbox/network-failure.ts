import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { SandboxSetupFailure } from './spec.js';

/**
 * A failed connection with the network as ERR_NETWORK_HELPER.
 *
 * `details.machine` is true where this machine is the reason, and the next build would fail the same way: a missing
 * program, device or kernel feature, or a permission that is refused. Anything else may be another build's doing (a
 * time-out, a killed helper, no memory, processes or descriptors left), and so says nothing about what this machine can
 * do; what is not known to be the machine's is taken for that.
 */
export function networkError(failure: SandboxSetupFailure): AirplantError {
  const { step, errno, path } = failure;
  const machine = isMachine(failure);
  const problem =
    errno === 'ETIMEDOUT'
      ? `${quote(path)} did not bring it up in time`
      : `${quote(path, mostWords)}${errno === 'ECHILD' ? '' : ` (${errno})`}`;
  return new AirplantError('ERR_NETWORK_HELPER', `no network of its own can be had: ${problem}`, {
    ...(machine ? {} : { hint: transientHint }),
    details: { step, errno, path, machine },
  });
}

export const transientHint =
  'Build it again: the machine may have been short of time, memory or processes. If that never helps, run `airplant doctor`.';

/** Characters: all that the launcher passes on of a helper's last words, and its path. */
const mostWords = 1000;

/** What the launcher says of a helper that ended by itself (ECHILD) is its own last words, in English: it has no locale. */
function isMachine({ errno, path }: SandboxSetupFailure): boolean {
  if (errno !== 'ECHILD') return machineErrors.has(errno);
  const ended = /: exited with status \d+: (?<words>.*)$/s.exec(path);
  const words = ended?.groups?.['words'] ?? '';
  return machineWords.test(words) && !momentWords.test(words);
}

const machineErrors: ReadonlySet<string> = new Set([
  'EACCES',
  'EAFNOSUPPORT',
  'ENODEV',
  'ENOENT',
  'ENOSYS',
  'ENXIO',
  'EOPNOTSUPP',
  'EPERM',
  'EPROTONOSUPPORT',
]);

/** As strerror(3) of glibc and musl says the above; also of a program that cannot be executed. */
const machineWords =
  /permission denied|operation not permitted|no such file|no such device|exec format error|not implemented|not supported|unsupported/i;

/** Of EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC (limits of namespaces), EUSERS, ENOBUFS, ETIMEDOUT, EBUSY and EINTR. */
const momentWords =
  /temporarily unavailable|allocate memory|out of memory|too many|no space|buffer space|timed out|busy|interrupted/i;
