import { native } from '../../ts/native.js';
import { candidates } from './candidates.js';
import { serveSamples } from './serve.js';

// node hash.js TREE COUNT
// Serialises and hashes a tree as the store does after a build, for each line read, and looks for COUNT references.
const [tree, count] = process.argv.slice(2) as [string, string];
const wanted = candidates(Number(count));

await serveSamples('', async () => {
  await native.hashTree(tree, wanted);
});
