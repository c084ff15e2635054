import { statfs } from 'node:fs/promises';

/** Nix's limit: with less, a failure may well be the disk's fault. */
const fewBytes = 8 * 1024 * 1024;

/** True if the file system of a directory has less than 8 MiB left for this user; false too where it cannot be told. */
export async function isDiskNearlyFull(directory: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize < fewBytes;
  } catch {
    return false;
  }
}
