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
  // Nodes are numbered in the order of their bytes: comparing numbers is many times faster.
  const names = [...nodes].sort(compareText);
  const numbers = new Map(names.map((name, number) => [name, number]));
  const state = new Uint8Array(names.length);
  const path: { node: number; references: Uint32Array; next: number }[] = [];
  const enter = (node: number) => {
    state[node] = entered;
    const references: number[] = [];
    for (const reference of referencesOf(names[node]!)) {
      const number = numbers.get(reference);
      if (number !== undefined && state[number] !== done) references.push(number);
    }
    path.push({ node, references: Uint32Array.from(references).sort(), next: 0 });
  };

  const sorted: string[] = [];
  let cycle: string[] | undefined;
  for (let start = 0; start < names.length; start++) {
    if (state[start] === unseen) enter(start);
    while (path.length > 0) {
      const top = path.at(-1)!;
      const reference = top.references[top.next++];
      if (reference === undefined) {
        state[top.node] = done;
        sorted.push(names[top.node]!);
        path.pop();
      } else if (state[reference] === unseen) {
        enter(reference);
      } else if (state[reference] === entered && reference !== top.node && !cycle) {
        const from = path.findIndex(({ node }) => node === reference);
        cycle = [...path.slice(from).map(({ node }) => names[node]!), names[reference]!];
      }
    }
  }
  return { sorted, cycle };
}

const unseen = 0;
const entered = 1;
const done = 2;
