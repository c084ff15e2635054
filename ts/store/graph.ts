import { compareText } from '../base/text.js';

/** Direct references of a node. Ones that are not nodes of the graph are passed over. */
export type ReferencesOf = (node: string) => Iterable<string>;

/**
 * All nodes, each after the nodes it refers to. The order depends on nothing but the graph: where references
 * leave a choice, the order of bytes decides. A cycle (no store should have one) is cut somewhere.
 */
export function referencesFirst(nodes: Iterable<string>, referencesOf: ReferencesOf): string[] {
  return walk(nodes, referencesOf).sorted;
}

/** Some cycle as `[a, b, a]`, or undefined. A node that refers to itself makes none. */
export function findCycle(nodes: Iterable<string>, referencesOf: ReferencesOf): string[] | undefined {
  return walk(nodes, referencesOf).cycle;
}

/** Depth first, with a stack of its own: the depth of a graph is anybody's choice. */
function walk(
  nodes: Iterable<string>,
  referencesOf: ReferencesOf,
): { sorted: string[]; cycle: string[] | undefined } {
  const sorted: string[] = [];
  const state = new Map<string, 'new' | 'open' | 'done'>();
  for (const node of [...nodes].sort(compareText)) state.set(node, 'new');
  let cycle: string[] | undefined;

  const path: { node: string; references: string[]; next: number }[] = [];
  const enter = (node: string) => {
    state.set(node, 'open');
    path.push({ node, references: [...referencesOf(node)].sort(compareText), next: 0 });
  };
  for (const start of state.keys()) {
    if (state.get(start) === 'new') enter(start);
    while (path.length > 0) {
      const top = path.at(-1)!;
      const reference = top.references[top.next++];
      if (reference === undefined) {
        state.set(top.node, 'done');
        sorted.push(top.node);
        path.pop();
      } else if (state.get(reference) === 'new') {
        enter(reference);
      } else if (state.get(reference) === 'open' && reference !== top.node) {
        const from = path.findIndex(({ node }) => node === reference);
        cycle ??= [...path.slice(from).map(({ node }) => node), reference];
      }
    }
  }
  return { sorted, cycle };
}
