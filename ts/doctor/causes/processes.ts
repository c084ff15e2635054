import { quote } from '../../base/quote.js';
import { type Cause, isRefusal } from '../cause.js';
import type { Host } from '../host.js';

/** How to come by a control group in which the limits of builds can be put in force. */
export const delegationCure =
  'Start airplant with `systemd-run --user --scope -p Delegate=yes`, or name a group that was delegated to you with `build-cgroup`.';

/** Starting the builder, and processes in general. */
export const processCauses: readonly Cause[] = [
  {
    applies: ({ step, errno }) => step === 'exec' && errno === 'ENOENT',
    explain: ({ path }) => ({
      cause: `${quote(path)}, or the interpreter or loader that it names, is not in the sandbox.`,
      cure: 'Add what it needs to the inputs or to `sandbox-paths`; `airplant show-sandbox` prints what there is.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'exec' && errno === 'ENOEXEC',
    explain: ({ path }, host) => ({
      cause: `${quote(path)} is no program that ${host.machine} can run.`,
      cure: 'Build on a machine of its platform, or give a script a `#!` line.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'exec' && errno === 'EACCES',
    explain: ({ path }) => ({
      cause: `${quote(path)} is not executable, or lies on a file system mounted noexec.`,
      cure: 'Set its execute permission, or move the store to a file system without `noexec`.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'exec' && errno === 'E2BIG',
    explain: () => ({
      cause: 'The kernel takes 128 KiB in one argument or variable, and a quarter of the stack limit in all.',
      cure: 'Pass large attributes as files: name them in `passAsFile`, or use structured attributes.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'observe' && errno === 'ENOSYS',
    explain: () => ({
      cause: 'Observing a builder takes Linux 5.3.',
      cure: 'Run `airplant explain` on a machine with a newer kernel; builds do not need it.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'observe' && isRefusal(errno),
    explain: () => ({
      cause:
        'Something forbids processes to trace others: kernel.yama.ptrace_scope is 3, or a seccomp filter.',
      cure: 'Run `airplant explain` where ptrace(2) is allowed; builds do not need it.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'chdir' && (errno === 'ENOENT' || errno === 'EACCES'),
    explain: ({ path }) => ({
      cause: `The working directory ${quote(path)} does not exist in the sandbox, or may not be entered.`,
      cure: 'Start from a directory that exists, such as `cd /`.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'session-keyring' && errno === 'EDQUOT',
    explain: () => ({
      cause: 'The caller has as many keyrings as kernel.keys.maxkeys allows.',
      cure: 'As root: `sysctl -w kernel.keys.maxkeys=2000`.',
    }),
  },
  {
    applies: ({ step }) => step === 'seccomp',
    explain: ({ errno }, host) => ({
      cause: whyNoFilter(errno, host),
      cure: 'Set `filter-syscalls = false` (`--option filter-syscalls false`) to build without a filter for system calls, which `docs/security.md` tells the price of.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'fork' && errno === 'EAGAIN',
    explain: () => ({
      cause: 'The caller, or the cgroup it is in, has as many processes as it may have.',
      cure: 'Raise `ulimit -u`, or the pids limit of the session or container; or build with fewer `--max-jobs`.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'control-group' && errno in groupCauses,
    explain: ({ errno, path }) => ({
      cause: `${quote(path)} ${groupCauses[errno]}`,
      cure: delegationCure,
    }),
  },
  {
    applies: ({ errno }) => errno === 'ENOMEM',
    explain: () => ({
      cause: 'The kernel has no memory left for it.',
      cure: 'Free some memory, or build with fewer `--max-jobs`.',
    }),
  },
];

/** What write(2) to cgroup.procs says (Documentation/admin-guide/cgroup-v2.rst). */
const groupCauses: Readonly<Record<string, string>> = {
  EACCES:
    'may not be entered: it, or the control group that it shares with airplant, belongs to somebody else.',
  EPERM:
    'may not be entered: it, or the control group that it shares with airplant, belongs to somebody else.',
  EBUSY: 'hands controllers on to groups inside, so that it may hold no processes itself.',
  ENOENT: 'is gone: somebody else has removed the control group of this build.',
  ENODEV: 'is gone: somebody else has removed the control group of this build.',
  EOPNOTSUPP: 'is below a threaded control group, which takes threads but no processes.',
};

function whyNoFilter(errno: string, host: Host): string {
  if (errno === 'ENOTSUP' || errno === 'EOPNOTSUPP') {
    return `airplant has no filter for the system calls of ${host.machine}, only for x86 and ARM.`;
  }
  if (isRefusal(errno)) return 'A seccomp filter in force refuses that another is added.';
  return `The kernel ${host.kernel}, or a filter around it, has no filters for system calls (CONFIG_SECCOMP_FILTER).`;
}
