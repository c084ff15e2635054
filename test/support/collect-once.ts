import { openTestStore } from './stores.js';

// Collects the garbage of the store ROOT. Prints the code of the error if there is one, or how much had to stay.
const [root] = process.argv.slice(2) as [string];
try {
  await using store = await openTestStore(root);
  const { kept } = await store.collectGarbage();
  if (kept.length > 0) process.stdout.write(`kept ${kept.length}`);
} catch (error) {
  process.stdout.write(String((error as { code?: unknown }).code));
  process.exitCode = 1;
}
