import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { native } from '../../ts/native.js';
import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { instantiate } from '../../ts/store/instantiate.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { openLocalStore } from '../../ts/store/open-store.js';

/** Fills the chroot store below `root` with `count` derivations and their outputs, all valid, and returns their paths. */
export async function makeValidGraph(root: string, count: number): Promise<string[]> {
  const graph = makeGraph(count);
  const directories = resolveStoreDirectories({ store: root, env: {} });
  await using store = await openLocalStore({ directories, env: {} });
  await instantiate(evaluatedObjects(graph.at(-1)), store);
  const staging = join(root, 'staging');
  mkdirSync(staging);
  for (let from = 0; from < count; from += batch) {
    await registerOutputs(store, graph.slice(from, from + batch), staging);
  }
  return graph.map(({ drvPath }) => drvPath);
}

const width = 100;
const batch = 500;

/** Layers of `width`, each derivation with eight inputs of the layer below, and one on top that needs all of the last. */
function makeGraph(count: number): DerivationValue[] {
  const { derivation } = createEvaluator({ storeDir: '/nix/store' });
  const about = { system: 'x86_64-linux', builder: '/bin/sh' };
  const graph: DerivationValue[] = [];
  for (let index = 0; index < count - 1; index++) {
    const below = Math.floor(index / width - 1) * width;
    const inputs =
      below < 0
        ? []
        : Array.from({ length: 8 }, (_, place) => graph[below + ((index * 7 + place * 13) % width)]!);
    const name = `package-${index}-1.2.3`;
    const src = `https://example.org/releases/${name}.tar.xz`;
    graph.push(derivation({ ...about, name, src, args: ['-e', '-c', 'echo > $out'], inputs }));
  }
  // The layer that is not full, and the one below it for what that left out.
  const inputs = graph.slice(-2 * width);
  return [...graph, derivation({ ...about, name: 'top', args: ['-c', 'echo > $out'], inputs })];
}

async function registerOutputs(store: LocalStore, drvs: readonly DerivationValue[], staging: string) {
  const outputs = drvs.map(async ({ name, drvPath, outPath: path }) => {
    const source = join(staging, name);
    writeFileSync(source, name);
    chmodSync(source, 0o444);
    utimesSync(source, 1, 1);
    const { hash: hex, narSize } = await native.hashTree(source, []);
    const narHash = { algorithm: 'sha256', hex } as const;
    return { path, source, narHash, narSize, references: [], deriver: drvPath };
  });
  await store.registerOutputs(await Promise.all(outputs));
}
