import { statfs } from 'node:fs/promises';

/** Nix's limit: with less, a failure may well be the disk's fault. */
const fewBytes = 8 * 1024 * 1024;

/** True if the file system of one of the directories has less than 8 MiB left for this user, as far as it can be told. */
export async function isDiskNearlyFull(...directories: readonly string[]): Promise<boolean> {
  const each = await Promise.all(directories.map(hasFewBytes));
  return each.includes(true);
}

async function hasFewBytes(directory: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize < fewBytes;
  } catch {
    return false;
  }
}
