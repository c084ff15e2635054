import { openTestStore } from './stores.js';

// node add-on-full-disk.js ROOT NAME
// Adds the text NAME to a store on a disk that is always full, so that garbage is collected first; says its path.
const [root, name] = process.argv.slice(2) as [string, string];
const settings = { collecting: { minFree: 2, maxFree: 3, minFreeCheckInterval: 0 } };
await using store = await openTestStore(root, { settings, availableBytes: () => 1 });
process.stdout.write(`${await store.addText({ name, contents: name, references: [] })}\n`);
