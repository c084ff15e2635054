import { quote } from '../../base/quote.js';
import { type Cause, isDiskFull, isRefusal } from '../cause.js';
import type { Container, Host } from '../host.js';

/** What can be wrong with mounts, and with /proc in particular. */
export const mountCauses: readonly Cause[] = [
  {
    applies: ({ step, errno }, host) =>
      step === 'mount-proc' && isRefusal(errno) && host.maskedProc.length > 0,
    explain: (_, host) => ({
      cause: `/proc of this host is masked by mounts (${shortList(host.maskedProc)}), and the kernel gives a sandbox no /proc that would show more.`,
      cure: unmaskCure(host.container),
    }),
  },
  {
    applies: ({ step, errno }, host) =>
      /^(write-(setgroups|[ug]id-map)|limit-namespaces)$/.test(step) &&
      errno === 'EROFS' &&
      host.readOnlyProc,
    explain: (_, host) => ({
      cause: '/proc is mounted read-only, so the ids of a user namespace cannot be set.',
      cure: unmaskCure(host.container),
    }),
  },
  {
    applies: ({ step }) => step === 'open-proc',
    explain: () => ({
      cause: 'There is no proc file system at /proc, through which the ids of a user namespace are set.',
      cure: 'As root: `mount -t proc proc /proc`.',
    }),
  },
  {
    applies: ({ step, errno }) => /^mount-(proc|tmpfs|devpts)$/.test(step) && errno === 'ENODEV',
    explain: ({ step }, host) => ({
      cause: `The kernel ${host.kernel} does not have the file system ${step.slice('mount-'.length)}.`,
      cure: 'Boot a kernel with it, or load its module as root with `modprobe`.',
    }),
  },
  {
    applies: isDiskFull,
    explain: ({ path }) => ({
      cause: `The file system on which the sandbox is made is full: it has no space or no inode left for ${quote(path)} in it.`,
      cure: 'Free some space (`df`, `df -i`), or name a store on another disk with `--store`.',
    }),
  },
  {
    applies: ({ step, errno }) => (step.startsWith('mount-') || step === 'bind') && errno === 'ENOSPC',
    explain: () => ({
      cause: 'A mount namespace may hold no more mounts than fs.mount-max, which is reached.',
      cure: 'As root: `sysctl -w fs.mount-max=200000`.',
    }),
  },
  {
    applies: ({ step, errno }, host) => step === 'pivot-root' && errno === 'EINVAL' && isInitramfs(host),
    explain: () => ({
      cause: 'The root of this machine is its initramfs, which cannot be exchanged with pivot_root(2).',
      cure: 'Boot with a root file system of its own, or start airplant below `unshare --mount` with another root mount.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'read-only' && isRefusal(errno),
    explain: ({ path }) => ({
      cause: `${quote(path)}, or a mount below it, cannot be made read-only: its mount flags are locked.`,
      cure: 'Leave the path out of `sandbox-paths`, or name one that lies on an ordinary mount.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'bind' && (errno === 'ENOENT' || errno === 'ENOTDIR'),
    explain: ({ path }) =>
      path.startsWith('/dev/')
        ? {
            cause: `The device ${quote(path)} is missing on this host.`,
            cure: `Give this machine or container a complete /dev; with util-linux, root makes it there with \`mknod\` or udev.`,
          }
        : {
            cause: `There is no ${quote(path)} on this host, or no directory in the sandbox in which to show it.`,
            cure: 'Correct the path in `sandbox-paths`, or end it with `?` to do without when it is missing.',
          },
  },
  {
    applies: ({ step, errno }) => step === 'bind' && errno === 'ELOOP',
    explain: ({ path }) => ({
      cause: `There is a symlink in the place of ${quote(path)}, or above it, that was not there when the path was looked at, or that leads in a circle.`,
      cure: 'Start again, and see who can write to the directories above it.',
    }),
  },
  {
    applies: ({ step, errno }) => step === 'bind' && errno === 'EACCES',
    explain: ({ path }) => ({
      cause: `The caller may not look up ${quote(path)}.`,
      cure: 'Give the caller execute permission (`chmod a+x`) on every directory above it.',
    }),
  },
  {
    applies: ({ step }) => step === 'verify-device',
    explain: ({ path }) => ({
      cause: `${quote(path)} on this host is not the device it is called.`,
      cure: 'Make the device node anew as root; a container needs a /dev of its own with the real devices.',
    }),
  },
];

function unmaskCure(container: Container | undefined): string {
  switch (container) {
    case 'podman':
      return 'Start the container with `podman run --security-opt unmask=ALL …`.';
    case 'kubernetes':
      return 'Set `procMount: Unmasked` and `hostUsers: false` in the security context of the pod.';
    default:
      return 'Start the container with `docker run --security-opt systempaths=unconfined …` (podman: `--security-opt unmask=ALL`).';
  }
}

function isInitramfs(host: Host): boolean {
  return host.rootFileSystem === 'rootfs';
}

function shortList(paths: readonly string[]): string {
  const shown = paths
    .slice(0, 3)
    .map((path) => quote(path))
    .join(', ');
  return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown;
}
