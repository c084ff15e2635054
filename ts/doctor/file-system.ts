import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Check } from './check.js';

/**
 * Whether the file system of a directory (of its nearest existing ancestor) suits a store: on a disk of this machine.
 * `typeOf` gives statfs(2)'s `f_type`, or undefined where there is nothing.
 */
export async function fileSystemCheck(
  directory: string,
  typeOf: (path: string) => Promise<number | undefined> = fileSystemType,
): Promise<Check> {
  const name = 'a local file system for the store';
  let path = directory;
  let type = await typeOf(path);
  while (type === undefined && path !== dirname(path)) {
    path = dirname(path);
    type = await typeOf(path);
  }
  const remote = type === undefined ? undefined : networkFileSystems.get(type);
  if (remote === undefined) return { name, ok: true, required: false };
  return {
    name,
    ok: false,
    required: false,
    cause: `${directory} lies on ${remote}, where locks and shared memory of several machines cannot be relied on.`,
    cure: 'Name a directory on a local disk with `--store`.',
    cost: 'The database of a store there works without its write-ahead log, or not at all, and builds are slower.',
  };
}

async function fileSystemType(path: string): Promise<number | undefined> {
  try {
    return (await statfs(path)).type >>> 0;
  } catch {
    return undefined;
  }
}

/** By `f_type`: linux/magic.h, and the file systems' own headers. */
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'SMB (CIFS)'],
  [0xfe534d42, 'SMB'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS (Spectrum Scale)'],
  [0x19830326, 'BeeGFS'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x01021997, '9P'],
  [0xaad7aaea, 'PanFS'],
]);
