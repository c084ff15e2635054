import type { IdSupply } from '../config/id-supply.js';

/**
 * What matters of this machine for sandboxes and builds: facts, no judgement. Absent where the machine does not say,
 * as on another operating system.
 */
export interface Host {
  /** As node names it: `linux`, `darwin`. */
  readonly platform: string;
  /** `uname -r`. */
  readonly kernel: string;
  /** `uname -m`. */
  readonly machine: string;
  /** Effective ids. */
  readonly uid: number;
  readonly gid: number;
  /** Groups of this process besides `gid`. In a user namespace an ordinary user cannot drop them by itself. */
  readonly supplementaryGroups: readonly number[];
  /** What there is besides its own ids. */
  readonly ids: IdSupply;
  /** The kernel has user namespaces at all (/proc/self/ns/user). */
  readonly userNamespaces: boolean;
  /** `user.max_*_namespaces`: how many of each kind one user may have; 0 forbids them. */
  readonly namespaceLimits: Readonly<Partial<Record<NamespaceKind, number>>>;
  /** `kernel.unprivileged_userns_clone`, in kernels of Debian and Arch: 0 forbids them to ordinary users. */
  readonly unprivilegedUsernsClone?: number;
  /** `kernel.apparmor_restrict_unprivileged_userns`, Ubuntu: 1 takes all capabilities away in a new one. */
  readonly apparmorRestrictsUserns?: number;
  /** A seccomp filter is in force: a container's, a service's, or that of another sandbox. */
  readonly seccomp: boolean;
  readonly container?: Container;
  /** The root of this process is no mount, so it was set with chroot(2). */
  readonly chrooted: boolean;
  /** File system type of `/`. */
  readonly rootFileSystem?: string;
  /** Mounts that cover parts of /proc, as containers make them. */
  readonly maskedProc: readonly string[];
  /** /proc is mounted read-only. */
  readonly readOnlyProc: boolean;
  /** Directories: where cgroup2 is mounted, and the group of this process in it as it was when first looked at. */
  readonly cgroup?: { readonly mount: string; readonly directory: string };
  /** /dev/kvm can be opened for reading and writing. */
  readonly kvm: boolean;
  /** /dev/net/tun can be opened for reading and writing. */
  readonly tun: boolean;
  /** Version of Landlock's interface, 0 where the kernel has none. */
  readonly landlock: number;
  /** The program that makes the namespaces; a security module must allow it. */
  readonly launcher: string;
}

/** As the kernel names its limits: `user.max_mnt_namespaces`. */
export type NamespaceKind = 'user' | 'mnt' | 'pid' | 'ipc' | 'uts' | 'net' | 'cgroup';

export type Container = 'docker' | 'podman' | 'kubernetes' | 'other';
