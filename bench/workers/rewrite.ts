import { type HashRewrite, native } from '../../ts/native.js';
import { candidates } from './candidates.js';
import { serveSamples } from './serve.js';

// node rewrite.js TREE MARK
// Replaces MARK in a tree as is done after a build outside the sandbox, for each line read: by another hash part and back,
// in turn. Two more are replaced that do not occur, as those of other outputs do not.
const [tree, mark] = process.argv.slice(2) as [string, string];
const [other, ...absent] = candidates(25);
const wanted = absent.slice(4);
const also = [absent.slice(0, 2), absent.slice(2, 4)] as unknown as HashRewrite[];
let [from, to] = [mark, other!];

await native.canonicaliseTree(tree);
await serveSamples('', async () => {
  const { replaced } = await native.rewriteTree(tree, [[from, to], ...also], wanted);
  if (replaced === 0) throw new Error(`nothing to replace in ${tree}`);
  [from, to] = [to, from];
});
