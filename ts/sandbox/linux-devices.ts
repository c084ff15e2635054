import type { SandboxEntry } from './spec.js';

/**
 * /dev of a build: the nodes Nix shows, each checked to be the device it is called, and links to the builder's own
 * descriptors. A user namespace cannot make device nodes, so the host's are bound. Read-only concerns the node, not
 * the device: where the caller owns the host's nodes (root in a container), a builder could change their modes.
 */
export function deviceEntries(options: { kvm: boolean }): SandboxEntry[] {
  return [
    { kind: 'directory', target: '/dev', mode: 0o755, why: 'devices' },
    ...Object.entries(devices)
      .filter(([name]) => name !== 'kvm' || options.kvm)
      .map(
        ([name, [major, minor]]): SandboxEntry => ({
          kind: 'bind',
          source: `/dev/${name}`,
          target: `/dev/${name}`,
          readOnly: true,
          // A machine may be said to have the feature and lack the device: the build is shown none, as by Nix.
          optional: name === 'kvm',
          follow: false,
          device: { major, minor },
          why: name === 'kvm' ? 'the system feature kvm' : 'a device every program expects',
        }),
      ),
    ...Object.entries(descriptorLinks).map(
      ([name, to]): SandboxEntry => ({
        kind: 'symlink',
        target: `/dev/${name}`,
        to,
        why: 'descriptors by name',
      }),
    ),
  ];
}

/**
 * File systems the kernel fills. With the host's whole /dev shown instead of ours, terminals are the host's too;
 * shared memory is never shared with the host.
 */
export function pseudoFileSystemEntries(options: {
  devShmSize: string;
  hostDevices: boolean;
}): SandboxEntry[] {
  return [
    { kind: 'proc', target: '/proc', why: 'the processes of this build only' },
    {
      kind: 'tmpfs',
      target: '/dev/shm',
      mode: 0o1777,
      size: options.devShmSize,
      why: 'shared memory of this build only',
    },
    ...(options.hostDevices
      ? []
      : ([
          { kind: 'devpts', target: '/dev/pts', why: 'terminals of this build only' },
          {
            kind: 'symlink',
            target: '/dev/ptmx',
            to: '/dev/pts/ptmx',
            why: 'opens a terminal of this build',
          },
        ] satisfies SandboxEntry[])),
  ];
}

/** Major and minor numbers: Documentation/admin-guide/devices.txt of Linux. */
const devices = {
  full: [1, 7],
  kvm: [10, 232],
  null: [1, 3],
  random: [1, 8],
  tty: [5, 0],
  urandom: [1, 9],
  zero: [1, 5],
} as const;

const descriptorLinks = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
} as const;
