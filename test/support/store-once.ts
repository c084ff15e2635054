import { openTestStore } from './stores.js';

// Opens the store ROOT, made if need be, and adds a text and the tree SOURCE that refers to it. Prints the code of
// the error if there is one.
const [root, source] = process.argv.slice(2) as [string, string];
try {
  await using store = await openTestStore(root);
  const text = await store.addText({ name: 'text', contents: 'text', references: [] });
  await store.addPath({ name: 'tree', source, references: [text] });
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
  process.exitCode = 1;
}
