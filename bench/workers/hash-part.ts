import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';
import { lookUps } from './look-ups.js';
import { serveSamples } from './serve.js';

// node hash-part.js STORE
// Finds paths by their hash parts, `lookUps` of them all over the database for each line read.
const [root] = process.argv.slice(2) as [string];
const directories = resolveStoreDirectories({ store: root, env: {} });
await using store = await openLocalStore({ directories, env: {}, readOnly: true });
const paths = store.validPaths();
const step = Math.floor(paths.length / lookUps);
const parts = Array.from({ length: lookUps }, (_, index) => paths[index * step]!.slice(11, 43));

await serveSamples(`${paths.length}`, async () => {
  for (const part of parts) if (store.pathFromHashPart(part) === undefined) throw new Error(`no ${part}`);
});
