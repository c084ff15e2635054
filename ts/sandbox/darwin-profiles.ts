import { readFile } from 'node:fs/promises';

/** Texts of `sandbox-profiles/`. */
export interface DarwinProfiles {
  /** For every sealed build. */
  readonly defaults: string;
  /** Added to it for builds with a network. */
  readonly network: string;
  /** For builds that are not sealed. */
  readonly minimal: string;
}

/** Reads the profiles that come with the package. */
export async function readDarwinProfiles(): Promise<DarwinProfiles> {
  const [defaults, network, minimal] = await Promise.all([
    read('defaults.sb'),
    read('network.sb'),
    read('minimal.sb'),
  ]);
  return { defaults, network, minimal };
}

/** From dist/ts/sandbox/ to sandbox-profiles/, beside dist/. */
function read(name: string): Promise<string> {
  return readFile(new URL(`../../../sandbox-profiles/${name}`, import.meta.url), 'utf8');
}
