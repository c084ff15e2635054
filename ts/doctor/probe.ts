import { constants } from 'node:fs';
import { access, open, readFile } from 'node:fs/promises';
import { machine, release } from 'node:os';
import { type IdSupply, idSupply } from '../config/id-supply.js';
import { launcherPath, native } from '../native.js';
import type { Container, Host, NamespaceKind } from './host.js';
import { type MountInfo, parseMountInfo } from './mount-info.js';

/** Looks at this machine, once for each process. Never fails: what cannot be read is absent from the record. */
export function probeHost(): Promise<Host> {
  known ??= readHost(thisMachine());
  return known;
}

let known: Promise<Host> | undefined;

/** Where the facts come from. */
export interface HostSource {
  readonly platform: string;
  readonly kernel: string;
  readonly machine: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly ids: IdSupply;
  readonly launcher: string;
  readonly landlock: number;
  /** Text of a file, or undefined where it cannot be read. */
  read(path: string): Promise<string | undefined>;
  can(path: string, what: 'exist' | 'write' | 'open-read-write'): Promise<boolean>;
}

/** Makes the record out of what a machine says of itself. */
export async function readHost(source: HostSource): Promise<Host> {
  const [status = '', mountInfo = '', limits, clone, apparmor] = await Promise.all([
    source.read('/proc/self/status'),
    source.read('/proc/self/mountinfo'),
    readNamespaceLimits(source),
    readNumber(source, '/proc/sys/kernel/unprivileged_userns_clone'),
    readNumber(source, '/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
  ]);
  const mounts = parseMountInfo(mountInfo);
  // Mounts may lie on one another; the last is the one seen.
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/');
  const proc = mounts.findLast(({ mountPoint }) => mountPoint === '/proc');
  const container = await findContainer(source);
  const cgroup = await findCgroup(source, mounts);
  return {
    platform: source.platform,
    kernel: source.kernel,
    machine: source.machine,
    uid: source.uid,
    gid: source.gid,
    supplementaryGroups: source.groups.filter((group) => group !== source.gid),
    ids: source.ids,
    userNamespaces: await source.can('/proc/self/ns/user', 'exist'),
    namespaceLimits: limits,
    ...(clone === undefined ? {} : { unprivilegedUsernsClone: clone }),
    ...(apparmor === undefined ? {} : { apparmorRestrictsUserns: apparmor }),
    seccomp: /^Seccomp:\t2$/m.test(status),
    ...(container === undefined ? {} : { container }),
    chrooted: mounts.length > 0 && root === undefined,
    ...(root === undefined ? {} : { rootFileSystem: root.type }),
    maskedProc: findMasks(mounts),
    readOnlyProc: proc?.options.includes('ro') ?? false,
    ...(cgroup === undefined ? {} : { cgroup }),
    kvm: await source.can('/dev/kvm', 'open-read-write'),
    tun: await source.can('/dev/net/tun', 'open-read-write'),
    landlock: source.landlock,
    launcher: source.launcher,
  };
}

const thisMachine = (): HostSource => ({
  platform: process.platform,
  kernel: release(),
  machine: machine(),
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
  groups: process.getgroups?.() ?? [],
  ids: idSupply(process.env['PATH'] ?? ''),
  launcher: launcherPath,
  landlock: native.landlockAbi(),
  async read(path) {
    try {
      return await readFile(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  async can(path, what) {
    try {
      if (what === 'open-read-write') await (await open(path, 'r+')).close();
      else await access(path, what === 'write' ? constants.W_OK : constants.F_OK);
      return true;
    } catch (error) {
      return isOfThisMoment(error);
    }
  },
});

/** Short of memory or descriptors, nothing is known of the file; whoever needs it finds out, and says so. */
function isOfThisMoment(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'].includes((error as NodeJS.ErrnoException).code!);
}

async function readNamespaceLimits(source: HostSource): Promise<Host['namespaceLimits']> {
  const kinds: readonly NamespaceKind[] = ['user', 'mnt', 'pid', 'ipc', 'uts', 'net', 'cgroup'];
  const limits: Partial<Record<NamespaceKind, number>> = {};
  for (const kind of kinds) {
    const limit = await readNumber(source, `/proc/sys/user/max_${kind}_namespaces`);
    if (limit !== undefined) limits[kind] = limit;
  }
  return limits;
}

async function readNumber(source: HostSource, path: string): Promise<number | undefined> {
  const text = (await source.read(path))?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

async function findContainer(source: HostSource): Promise<Container | undefined> {
  // The last two are what systemd goes by (os-release(5) has no say in it).
  const signs: readonly (readonly [string, Container])[] = [
    ['/run/.containerenv', 'podman'],
    ['/var/run/secrets/kubernetes.io', 'kubernetes'],
    ['/.dockerenv', 'docker'],
    ['/run/host/container-manager', 'other'],
    ['/run/systemd/container', 'other'],
  ];
  for (const [path, container] of signs) {
    if (await source.can(path, 'exist')) return container;
  }
  return undefined;
}

/**
 * Mounts over parts of /proc. Two of its directories are empty and meant to be mounted on; the kernel does not
 * count these when it asks whether a /proc is whole.
 */
function findMasks(mounts: readonly MountInfo[]): string[] {
  const meant = new Set(['/proc/sys/fs/binfmt_misc', '/proc/fs/nfsd']);
  const masks = mounts.map(({ mountPoint }) => mountPoint).filter((path) => path.startsWith('/proc/'));
  return [...new Set(masks)].filter((path) => !meant.has(path)).sort();
}

async function findCgroup(source: HostSource, mounts: readonly MountInfo[]): Promise<Host['cgroup']> {
  const mount = mounts.find(({ type }) => type === 'cgroup2')?.mountPoint;
  const own = /^0::(.*)$/m.exec((await source.read('/proc/self/cgroup')) ?? '')?.[1];
  // A `..` means that the cgroup lies outside what this mount shows.
  if (mount === undefined || own === undefined || own.startsWith('/..')) return undefined;
  return { mount, directory: own === '/' ? mount : mount + own };
}
