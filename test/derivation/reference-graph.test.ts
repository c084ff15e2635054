import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  printReferenceGraph,
  type ReferenceGraph,
  referenceGraphJson,
} from '../../ts/derivation/reference-graph.js';
import { parseHash } from '../../ts/formats/hash.js';

const narHash = parseHash(`sha256:${'0'.repeat(64)}`);

/** Paths are single letters here; `a: 'ab'` refers to itself and to b. Sizes are powers of two, in the order given. */
function graphOf(references: Readonly<Record<string, string>>): ReferenceGraph {
  return Object.entries(references).map(([path, to], index) => ({
    path,
    narHash,
    narSize: 2 ** index,
    references: [...to],
  }));
}

const closureSizes = (graph: ReferenceGraph) => referenceGraphJson(graph).map((one) => one['closureSize']);

test('without structured attributes it is registration text', () => {
  assert.equal(printReferenceGraph(graphOf({ a: '', b: 'ab' })), 'a\n\n0\nb\n\n2\na\nb\n');
  assert.equal(printReferenceGraph([]), '');
});

test('with them it is JSON', () => {
  const [first, second] = graphOf({ a: '', b: 'a' });
  assert.deepEqual(referenceGraphJson([{ ...first!, contentAddress: 'text:sha256:x' }, second!]), [
    {
      path: 'a',
      narHash: `sha256:${'0'.repeat(52)}`,
      narSize: 1,
      references: [],
      ca: 'text:sha256:x',
      closureSize: 1,
    },
    { path: 'b', narHash: `sha256:${'0'.repeat(52)}`, narSize: 2, references: ['a'], closureSize: 3 },
  ]);
});

test('every path of a closure is counted once', () => {
  assert.deepEqual(closureSizes(graphOf({ a: '', b: 'ab', c: 'a', d: 'bc' })), [1, 3, 5, 15]);
  // No store has a cycle of several paths, but a database can be made to say so.
  assert.deepEqual(closureSizes(graphOf({ a: 'b', b: 'c', c: 'a' })), [7, 7, 7]);
});

test('a closure weighs as much as all that can be reached', () => {
  const names = 'abcdefgh';
  const anyGraph = fc.array(fc.subarray([...names]), { minLength: names.length, maxLength: names.length });
  fc.assert(
    fc.property(anyGraph, (edges) => {
      const graph = graphOf(Object.fromEntries(edges.map((to, i) => [names[i]!, to.join('')])));
      const reached = graph.map((_, i) => new Set([i]));
      for (const _ of names) {
        for (const set of reached) {
          for (const one of [...set]) for (const to of edges[one]!) set.add(names.indexOf(to));
        }
      }
      const expected = reached.map((set) => [...set].reduce((sum, one) => sum + 2 ** one, 0));
      assert.deepEqual(closureSizes(graph), expected);
    }),
  );
});
