import { readFileSync, statfsSync } from 'node:fs';

/** What was found out about the file system that holds the state directory. */
export interface FileSystemFacts {
  /** Type as `/proc/self/mountinfo` writes it (`ext4`, `nfs4`, `fuse.sshfs`), or undefined if it is not known. */
  readonly type: string | undefined;
  /** flock(2) on a file there works, as opposed to ENOLCK, ENOSYS or EOPNOTSUPP. */
  readonly locksWork: boolean;
}

/** How SQLite may keep its journal there. */
export type JournalDecision =
  | { readonly journal: 'wal' }
  /** A network file system: no memory shared between hosts, so no WAL. `why` is worth a warning. */
  | { readonly journal: 'truncate'; readonly why: string }
  /** No store can be kept there. */
  | { readonly journal: 'none'; readonly why: string };

/**
 * Decides whether a store can be kept on a file system, and how.
 *
 * A store that several hosts open at once needs locks that all of them see. NFS, Lustre, GPFS, Ceph and their
 * like have them (unless mounted otherwise, which shows as a failing flock), but no coherent shared memory.
 * Where locks succeed without meaning anything to another host, two writers would ruin the database: refused.
 */
export function decideJournal(facts: FileSystemFacts): JournalDecision {
  const { type } = facts;
  const name = type ?? 'this file system';
  if (!facts.locksWork) return { journal: 'none', why: `file locks do not work on ${name}` };
  if (type === undefined) return { journal: 'wal' };
  if (locksMeanNothing.has(type))
    return { journal: 'none', why: `file locks on ${name} are not seen by other hosts` };
  if (sharedByHosts.has(type))
    return { journal: 'truncate', why: `${name} is shared by several hosts, which SQLite's WAL cannot be` };
  return { journal: 'wal' };
}

/** True for types that other machines serve: whoever looks at one waits for its server. */
export function isRemoteFileSystem(type: string): boolean {
  return sharedByHosts.has(type) || locksMeanNothing.has(type);
}

const sharedByHosts = new Set([
  'nfs',
  'nfs4',
  'lustre',
  'gpfs',
  'ceph',
  'beegfs',
  'beegfs_nodev',
  'panfs',
  'pvfs2',
  'gfs2',
  'ocfs2',
  'fuse.glusterfs',
  'fuse.ceph',
  'fuse.ceph-fuse',
  'fuse.beegfs',
  'fuse.weka',
  'wekafs',
]);

const locksMeanNothing = new Set([
  'cifs',
  'smb3',
  'smbfs',
  'afs',
  'openafs',
  '9p',
  'ncpfs',
  'coda',
  'vboxsf',
  'fuse.sshfs',
  'fuse.rclone',
  'fuse.s3fs',
  'fuse.gcsfuse',
  'fuse.curlftpfs',
  'fuse.davfs',
]);

/**
 * Type of the file system that holds an existing directory, at the cost of one statfs(2) for a local one.
 * Undefined where the kernel does not say (not Linux) or the type is none that needs to be known.
 */
export function fileSystemType(directory: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const magic = statfsSync(directory).type >>> 0;
  if (magic !== fuseMagic) return typesByMagic[magic];
  return mountedType(directory, readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Type of the mount that holds `directory` (no symlinks in it), by the text of `/proc/self/mountinfo`. */
export function mountedType(directory: string, mountinfo: string): string | undefined {
  let best: { point: string; type: string } | undefined;
  for (const line of mountinfo.split('\n')) {
    // id parent major:minor root point options [optional…] - type source superoptions
    const match = /^\S+ \S+ \S+ \S+ (\S+) .*? - (\S+) /.exec(line);
    if (!match) continue;
    const point = match[1]!.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const holds = point === '/' || directory === point || directory.startsWith(`${point}/`);
    // Of two mounts on one point the later one is on top.
    if (holds && (!best || point.length >= best.point.length)) best = { point, type: match[2]! };
  }
  return best?.type;
}

const fuseMagic = 0x65735546;

/** From linux/magic.h and, for those not in the kernel, from their own sources. */
const typesByMagic: Readonly<Record<number, string>> = {
  [0x6969]: 'nfs',
  [0x0bd00bd0]: 'lustre',
  [0x47504653]: 'gpfs',
  [0x00c36400]: 'ceph',
  [0x19830326]: 'beegfs',
  [0xaad7aaea]: 'panfs',
  [0x20030528]: 'pvfs2',
  [0x01161970]: 'gfs2',
  [0x7461636f]: 'ocfs2',
  [0xff534d42]: 'cifs',
  [0xfe534d42]: 'smb3',
  [0x517b]: 'smbfs',
  [0x5346414f]: 'afs',
  [0x6b414653]: 'afs',
  [0x01021997]: '9p',
  [0x564c]: 'ncpfs',
  [0x73757245]: 'coda',
  [0x786f4256]: 'vboxsf',
};
