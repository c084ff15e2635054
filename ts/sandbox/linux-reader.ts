import type { Identity } from './identity.js';
import { sealedLimits } from './limits.js';
import { deviceEntries, pseudoFileSystemEntries } from './linux-devices.js';
import { etcEntries } from './linux-etc.js';
import type { SandboxCommand, SandboxEntry, SandboxSpec } from './spec.js';

/** How such a sandbox is made; as those of builds are. */
export interface ReaderSealing {
  readonly identity: Identity;
  readonly filterSystemCalls: boolean;
  readonly nestedNamespaces: boolean;
}

/** A program of the host's that looks at what builders have made. */
export interface Reading extends ReaderSealing {
  /** Absolute path on the host, without symlinks. */
  readonly program: string;
  /** Whole argument vector. */
  readonly argv: SandboxCommand['argv'];
  /** Its environment; what says where files may be made is set. */
  readonly env: Readonly<Record<string, string>>;
  /** What it looks at: absolute paths on the host, which keep their names. */
  readonly paths: readonly string[];
}

/**
 * The sandbox of a program that what it reads may take over. It sees, read-only, what it looks at, itself, and the directories
 * that systems have their programs in; it may write in `/tmp`, which is in memory, and has no network. Of the caller's files
 * it sees nothing else. Pure.
 */
export function planLinuxReader(reading: Reading): SandboxSpec {
  const { program, argv, env, paths, identity, filterSystemCalls, nestedNamespaces } = reading;
  const { ids, idMaps } = identity;
  const system = [...systemDirectories, ...packageStores.filter((store) => isBelow(program, store))];
  const others = [program, ...paths].filter((path) => !system.some((directory) => isBelow(path, directory)));
  const work = { HOME: workDirectory, TMPDIR: workDirectory };
  return {
    version: 1,
    backend: { kind: 'linux-namespaces' },
    root: { kind: 'tmpfs', readOnly: true },
    namespaces: {
      pid: true,
      ipc: true,
      uts: true,
      network: 'private',
      cgroup: true,
      nested: nestedNamespaces,
    },
    ids,
    ...(idMaps ? { idMaps } : {}),
    hostname: 'localhost',
    domainname: '(none)',
    entries: [
      { kind: 'directory', target: '/', mode: 0o755, why: 'the root' },
      ...etcEntries({ home: workDirectory, uid: ids.uid, gid: ids.gid, connection: undefined }),
      ...deviceEntries({ kvm: false }),
      { kind: 'tmpfs', target: workDirectory, mode: 0o1777, size: '50%', why: 'what it unpacks' },
      ...system.map((path) => shown(path, 'programs of the system', { optional: true })),
      ...systemFiles.map((path) => shown(path, 'where programs and libraries are', { optional: true })),
      ...others.map((path) => shown(path, 'what is looked at, and by what', { optional: false })),
      ...pseudoFileSystemEntries({ devShmSize: '64m', hostDevices: false }),
    ],
    command: {
      path: program,
      argv,
      env: Object.entries({ ...env, ...work }),
      cwd: workDirectory,
      umask: 0o022,
    },
    limits: sealedLimits,
    personality: 0,
    filter: filterSystemCalls ? 'sealed' : 'none',
    session: 'sealed',
  };
}

const workDirectory = '/tmp';

/** Where distributions keep programs and what belongs to them. Some are symlinks, and are shown as such. */
const systemDirectories = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/run/current-system',
];

/** Seen by what comes from them. */
const packageStores = ['/nix/store', '/gnu/store'];

const systemFiles = ['/etc/alternatives', '/etc/ld.so.cache', '/etc/magic'];

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

function shown(source: string, why: string, { optional }: { readonly optional: boolean }): SandboxEntry {
  return { kind: 'bind', source, target: source, readOnly: true, optional, follow: false, why };
}
