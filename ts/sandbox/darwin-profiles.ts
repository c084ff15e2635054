import { readFile } from 'node:fs/promises';
import type { DarwinProfiles } from './darwin.js';

/** Reads the profiles that come with the package. */
export async function readDarwinProfiles(): Promise<DarwinProfiles> {
  const [build, network] = await Promise.all([read('build.sb'), read('network.sb')]);
  return { build, network };
}

/** From dist/ts/sandbox/ to sandbox-profiles/, beside dist/. */
function read(name: string): Promise<string> {
  return readFile(new URL(`../../../sandbox-profiles/${name}`, import.meta.url), 'utf8');
}
