import { resolveStoreDirectories } from '../../ts/store/directories.js';
import { openLocalStore } from '../../ts/store/open-store.js';
import { serveSamples } from './serve.js';

// node closure.js STORE PATH
// Asks an open store for everything that PATH refers to, for each line read.
const [root, path] = process.argv.slice(2) as [string, string];
const directories = resolveStoreDirectories({ store: root, env: {} });
await using store = await openLocalStore({ directories, env: {}, readOnly: true });

await serveSamples(`${store.closure([path]).length}`, async () => {
  store.closure([path]);
});
