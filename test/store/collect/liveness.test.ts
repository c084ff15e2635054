import assert from 'node:assert/strict';
import { symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KeepSettings } from '../../../ts/store/collect/records.js';
import { type GraphNode, registerGraph } from '../../support/graph-in-store.js';
import { longForm } from '../../support/requires.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('liveness');

/** Graphs of derivations and paths, in which derivers and outputs need not agree with one another. */
const graphs = fc
  .array(
    fc.record({
      isDerivation: fc.boolean(),
      references: fc.uniqueArray(fc.nat(29), { maxLength: 4 }),
      self: fc.boolean(),
      deriver: fc.option(fc.nat(29), { nil: undefined }),
      outputs: fc.uniqueArray(fc.nat(29), { maxLength: 3 }),
      isRoot: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((nodes) => {
    const paths = nodes.map(({ isDerivation }, i) => pathOf(i, isDerivation));
    const known = (indices: readonly number[]) => indices.flatMap((i) => paths[i] ?? []);
    const graph = nodes.map((node, i): GraphNode => {
      const references = known(node.references.filter((other) => other < i));
      const deriver = node.deriver === undefined ? undefined : known([node.deriver])[0];
      return {
        path: paths[i]!,
        references: node.self ? [...references, paths[i]!] : references,
        ...(deriver?.endsWith('.drv') ? { deriver } : {}),
        ...(node.isDerivation ? { outputs: [...known(node.outputs), pathOf(100 + i, false)] } : {}),
      };
    });
    return { graph, roots: paths.filter((_, i) => nodes[i]!.isRoot) };
  });

function pathOf(index: number, isDerivation: boolean): string {
  const digits = '0123456789abcdfghijklmnpqrsvwxyz';
  const hash = `${digits[(index * 7) % 32]}${digits[index >> 5]}${'0'.repeat(30)}`;
  return `/nix/store/${hash}-n${index}${isDerivation ? '.drv' : ''}`;
}

/** What lives, by its definition. */
function livingOf(graph: readonly GraphNode[], roots: readonly string[], keep: KeepSettings): Set<string> {
  const nodes = new Map(graph.map((node) => [node.path, node]));
  const living = new Set<string>();
  const visit = (path: string | undefined) => {
    const node = path === undefined ? undefined : nodes.get(path);
    if (!node || living.has(node.path)) return;
    living.add(node.path);
    node.references.forEach(visit);
    if (keep.keepOutputs) node.outputs?.forEach(visit);
    if (keep.keepDerivations) visit(node.deriver);
  };
  roots.forEach(visit);
  return living;
}

test('what lives is what the definition says, and a collection leaves just that', async (t) => {
  let round = 0;
  const property = fc.asyncProperty(
    graphs,
    fc.boolean(),
    fc.boolean(),
    async (example, keepOutputs, keepDerivations) => {
      const { graph, roots } = example;
      const keep = { keepOutputs, keepDerivations };
      await using store = await openTestStore(join(directory, `${round++}`));
      await registerGraph(store, graph);
      const link = (path: string) => join(store.directories.stateDir, 'gcroots', path.slice(-6));
      for (const root of roots) symlinkSync(root, link(root));
      const living = livingOf(graph, roots, keep);
      const dead = graph.map(({ path }) => path).filter((path) => !living.has(path));
      const listed = async (which: 'live' | 'dead') =>
        (await store.listPaths(which, keep)).map(({ path }) => path);
      assert.deepEqual(await listed('live'), [...living].sort());
      assert.deepEqual(await listed('dead'), dead.sort());
      // Each path that lives has a root to show for it, and the chain to it is one.
      for (const { path } of graph.slice(-3)) {
        const holders = await store.findHolders([path], keep);
        assert.equal(holders.length > 0, living.has(path), path);
        for (const { path: root, through, by } of holders) {
          assert.deepEqual([through[0], through.at(-1)], [root, path]);
          for (const one of [...Array(through.length - 1).keys()])
            assert.ok(livingOf(graph, [through[one]!], keep).has(through[one + 1]!));
          const settings = {
            keepOutputs: by.includes('keep-outputs'),
            keepDerivations: by.includes('keep-derivations'),
          };
          assert.ok(livingOf(graph, [root], settings).has(path));
          if (by.length === 0) assert.ok(store.closure([root]).includes(path));
        }
      }
      const report = await store.collectGarbage(keep);
      assert.equal(report.deleted, dead.length);
      assert.deepEqual(store.validPaths().sort(), [...living].sort());
      for (const root of roots) unlinkSync(link(root));
      await store.collectGarbage(keep);
      assert.deepEqual(store.validPaths(), []);
    },
  );
  await fc.assert(property, { numRuns: longForm ? 500 : 25 });
  t.diagnostic(`${round} graphs`);
});
