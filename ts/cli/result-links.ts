import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { BuildResult } from '../build/records.js';
import type { OpenStore } from './engine.js';

/** A link to be made, absolute, and the store path it points at. */
export interface ResultLink {
  readonly link: string;
  readonly path: string;
}

/**
 * The links for what was built, named as nix-build names them: NAME for the first derivation, NAME-2 for the second,
 * and so on; outputs other than `out` add their name (`result-dev`). The same derivation wanted twice counts once.
 */
export function resultLinks(results: readonly BuildResult[], name: string): ResultLink[] {
  const numbers = new Map<string, number>();
  const links = new Map<string, ResultLink>();
  for (const { wanted, outputs } of results) {
    const key = wanted.kind === 'path' ? wanted.path : wanted.drvPath;
    if (!numbers.has(key)) numbers.set(key, numbers.size + 1);
    const number = numbers.get(key)!;
    for (const [output, path] of Object.entries(outputs)) {
      const link = `${name}${number === 1 ? '' : `-${number}`}${output === 'out' ? '' : `-${output}`}`;
      links.set(link, { link, path });
    }
  }
  return [...links.values()];
}

/**
 * Makes the links. Returns what the user should be told: that a link dangles because the store is not at its logical
 * place, and how to use it all the same. Empty if all is well.
 */
export async function makeResultLinks(
  links: readonly ResultLink[],
  store: OpenStore,
  cwd: string,
): Promise<string[]> {
  for (const { link, path } of links) await store.local.makeResultLink({ link, path });
  const dangling = links.find(({ link }) => !existsSync(link));
  if (!dangling) return [];
  const { realStoreDir, root } = store.local.directories;
  const shown = relative(cwd, resolve(cwd, dangling.link)) || dangling.link;
  return [
    `'${shown}' points at a path of the store in ${root ?? realStoreDir} and dangles outside of it;`,
    `      use it with: airplant run ${/^[./]/.test(shown) ? shown : `./${shown}`}`,
  ];
}
