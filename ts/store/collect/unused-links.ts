import { lstatSync, opendirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Pace } from './pace.js';

/**
 * Removes the files in `.links` that no path of the store is linked to any more. Returns the bytes that were freed, and
 * what the links that are left save, all in all, as Nix counts it.
 */
export async function removeUnusedLinks(
  realStoreDir: string,
  signal: AbortSignal | undefined,
): Promise<{ freed: number; saved: number }> {
  const directory = join(realStoreDir, '.links');
  // Made when a store is opened; whoever has removed it since wanted to be rid of the links.
  if (!lstatSync(directory, { throwIfNoEntry: false })) return { freed: 0, saved: 0 };
  const pace = new Pace(signal);
  const reader = opendirSync(directory, { bufferSize: 1024 });
  let freed = 0;
  let saved = 0;
  try {
    for (let entry = reader.readSync(); entry; entry = reader.readSync()) {
      const file = join(directory, entry.name);
      const stats = lstatSync(file, { throwIfNoEntry: false });
      if (!stats || stats.isDirectory()) continue;
      if (stats.nlink !== 1) saved += (stats.nlink - 2) * stats.size;
      else freed += remove(file) ? stats.blocks * 512 : 0;
      if (pace.isDue) await pace.rest();
    }
  } finally {
    reader.closeSync();
  }
  return { freed, saved: saved - statSync(directory).blocks * 512 };
}

/** False if somebody else was faster. */
function remove(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
