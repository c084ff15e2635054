import { openTestStore } from './stores.js';

// node verify-once.js ROOT PATH
// Reads a path of a store, and prints what has become of it.
const [root, path] = process.argv.slice(2) as [string, string];
await using store = await openTestStore(root, { readOnly: true });
console.log(JSON.stringify(await store.verifyPath(path)));
