import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';

/** Registers some tree as each output of every derivation of a store, as if all had been built. */
export async function registerOutputs(store: LocalStore): Promise<void> {
  const { realStoreDir } = store.directories;
  const drvPaths = store.validPaths().filter((path) => path.endsWith('.drv'));
  for (const drvPath of store.topologicalSort(drvPaths)) {
    const derivation = store.readDerivation(drvPath);
    const references = [
      ...derivation.inputSrcs,
      ...[...derivation.inputDrvs.keys()].flatMap((input) => [...store.derivationOutputs(input).values()]),
    ].filter((path) => store.isValid(path));
    for (const [name, path] of store.derivationOutputs(drvPath)) {
      const source = join(realStoreDir, `${path.slice(path.lastIndexOf('/') + 1)}.made`);
      mkdirSync(join(source, 'bin'), { recursive: true });
      writeFileSync(join(source, 'bin', name), `${path}\n${references.join('\n')}`);
      await native.canonicaliseTree(source);
      const { hash: hex, narSize } = await native.hashTree(source, []);
      await store.registerOutputs([
        {
          path,
          source,
          narHash: { algorithm: 'sha256', hex },
          narSize,
          references: [...references, path].sort(),
          deriver: drvPath,
        },
      ]);
    }
  }
}
