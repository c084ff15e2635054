import type { Cause, FailedStep } from '../cause.js';
import type { Host, NamespaceKind } from '../host.js';

/** The kernel's own switches and limits of namespaces (namespaces(7), user_namespaces(7)). */
export const namespaceCauses: readonly Cause[] = [
  {
    applies: ({ step }, host) => step === 'unshare-user' && !host.userNamespaces,
    explain: (_, host) => ({
      cause: `The kernel ${host.kernel} has no user namespaces.`,
      cure: 'Boot a kernel built with CONFIG_USER_NS=y.',
    }),
  },
  {
    applies: (failure, host) => isLimit(failure) && limitOf(failure, host) === 0,
    explain: (failure) => ({
      cause: `${sysctlOf(failure)} is 0, which forbids ${nameOf(failure)} namespaces.`,
      cure: raise(failure, 15000),
    }),
  },
  {
    applies: (failure) => isLimit(failure),
    explain: (failure, host) => {
      const limit = limitOf(failure, host);
      return {
        cause:
          limit === undefined
            ? `The limit of ${nameOf(failure)} namespaces is used up, or they are nested more than 32 deep.`
            : `All ${limit} ${nameOf(failure)} namespaces that ${sysctlOf(failure)} allows are in use, here or in the container around, or they are nested more than 32 deep.`,
        cure: raise(failure, Math.max(15000, 2 * (limit ?? 0))),
      };
    },
  },
  {
    applies: ({ step, errno }, host) =>
      step === 'unshare-user' && errno === 'EPERM' && host.unprivilegedUsernsClone === 0,
    explain: () => ({
      cause: 'kernel.unprivileged_userns_clone is 0, which forbids user namespaces to ordinary users.',
      cure: permanently('kernel.unprivileged_userns_clone=1'),
    }),
  },
  {
    applies: ({ step, errno }, host) => step === 'unshare-user' && errno === 'EPERM' && host.chrooted,
    explain: () => ({
      cause: 'This process was started in a chroot, where the kernel allows no user namespace.',
      cure: 'Enter the directory with a tool that makes it the root mount, such as `systemd-nspawn -D` or `bwrap --bind DIRECTORY /`, instead of chroot.',
    }),
  },
  {
    applies: ({ step, errno }) => step in kinds && errno === 'EINVAL',
    explain: (failure, host) => ({
      cause: `The kernel ${host.kernel} has no ${nameOf(failure)} namespaces.`,
      cure: `Boot a kernel built with ${kinds[failure.step]!.config}=y.`,
    }),
  },
  {
    applies: ({ step, errno }) => step in kinds && errno === 'ENOSYS',
    explain: (failure) => ({
      cause: `Whatever runs this process does not offer unshare(2), which makes ${nameOf(failure)} namespaces.`,
      cure: 'Run airplant on a Linux kernel without an emulation layer (gVisor, WSL 1) in between.',
    }),
  },
];

interface Kind {
  readonly kind: NamespaceKind;
  readonly name: string;
  readonly config: string;
}

const kinds: Readonly<Record<string, Kind>> = {
  'unshare-user': { kind: 'user', name: 'user', config: 'CONFIG_USER_NS' },
  'unshare-mount': { kind: 'mnt', name: 'mount', config: 'CONFIG_NAMESPACES' },
  // A detached copy of mounts is in a namespace of its own.
  'copy-mounts': { kind: 'mnt', name: 'mount', config: 'CONFIG_NAMESPACES' },
  'unshare-pid': { kind: 'pid', name: 'PID', config: 'CONFIG_PID_NS' },
  'unshare-ipc': { kind: 'ipc', name: 'IPC', config: 'CONFIG_IPC_NS' },
  'unshare-uts': { kind: 'uts', name: 'UTS', config: 'CONFIG_UTS_NS' },
  'unshare-network': { kind: 'net', name: 'network', config: 'CONFIG_NET_NS' },
  'unshare-cgroup': { kind: 'cgroup', name: 'control group', config: 'CONFIG_CGROUPS' },
  // The second ones of their kind.
  'lock-user': { kind: 'user', name: 'user', config: 'CONFIG_USER_NS' },
  'lock-mounts': { kind: 'mnt', name: 'mount', config: 'CONFIG_NAMESPACES' },
};

/** ENOSPC is a limit reached; kernels before 4.9 said EUSERS. */
function isLimit({ step, errno }: FailedStep): boolean {
  return step in kinds && (errno === 'ENOSPC' || errno === 'EUSERS');
}

function limitOf({ step }: FailedStep, host: Host): number | undefined {
  return host.namespaceLimits[kinds[step]!.kind];
}

function nameOf({ step }: FailedStep): string {
  return kinds[step]!.name;
}

function sysctlOf({ step }: FailedStep): string {
  return `user.max_${kinds[step]!.kind}_namespaces`;
}

function raise(failure: FailedStep, value: number): string {
  return permanently(`${sysctlOf(failure)}=${value}`);
}

function permanently(assignment: string): string {
  return `As root: \`sysctl -w ${assignment}\`, and to keep it, \`echo ${assignment} > /etc/sysctl.d/60-airplant.conf\`.`;
}
