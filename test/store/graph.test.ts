import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findCycle, referencesFirst } from '../../ts/store/graph.js';

const graphs = fc
  .array(fc.uniqueArray(fc.nat(19), { maxLength: 4 }), { minLength: 20, maxLength: 20 })
  .map((edges) => new Map(edges.map((to, from) => [`${from}`, to.map(String)])));

test('references come first; a cycle is found exactly when that is impossible', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const referencesOf = (node: string) => graph.get(node)!;
      const sorted = referencesFirst(graph.keys(), referencesOf);
      assert.deepEqual(sorted.toSorted(), [...graph.keys()].toSorted());
      const late = sorted.some((node, index) =>
        referencesOf(node).some((reference) => reference !== node && sorted.indexOf(reference) > index),
      );
      const cycle = findCycle(graph.keys(), referencesOf);
      assert.equal(cycle !== undefined, late);
      if (!cycle) return;
      assert.ok(cycle.length >= 3 && cycle[0] === cycle.at(-1));
      for (const [index, node] of cycle.slice(0, -1).entries())
        assert.ok(referencesOf(node).includes(cycle[index + 1]!));
    }),
  );
});

test('the order is one, whatever order the nodes come in', () => {
  fc.assert(
    fc.property(graphs, fc.func(fc.integer()), (graph, shuffle) => {
      const nodes = [...graph.keys()];
      const shuffled = nodes.toSorted((a, b) => Number(shuffle(a)) - Number(shuffle(b)));
      const referencesOf = (node: string) => graph.get(node)!;
      assert.deepEqual(referencesFirst(nodes, referencesOf), referencesFirst(shuffled, referencesOf));
    }),
  );
});

test('a chain of 200,000 overflows no stack', () => {
  const nodes = Array.from({ length: 200_000 }, (_, i) => `${i}`);
  const next = (node: string) => (node === '199999' ? [] : [`${Number(node) + 1}`]);
  assert.equal(referencesFirst(nodes, next)[0], '199999');
  assert.equal(findCycle(nodes, (node) => (node === '199999' ? ['0'] : next(node)))!.length, 200_001);
});
