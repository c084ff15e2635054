import { native } from '../../ts/native.js';
import { serveSamples } from './serve.js';

// node hash.js TREE
// Serialises and hashes a tree as the store does after a build, for each line read.
const [tree] = process.argv.slice(2) as [string];

// A build looks for its inputs and outputs in what it made; a score of them is usual.
const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';
const candidates = Array.from({ length: 20 }, (_, index) =>
  Array.from({ length: 32 }, (_, place) => alphabet[(index * 7 + place * 11) % 32]).join(''),
);

await serveSamples('', async () => {
  await native.hashTree(tree, candidates);
});
