import { formatDot, formatGraphml, referenceGraph } from '../../../store/query/graph.js';
import { formatTreeLine, referenceTrees } from '../../../store/query/tree.js';
import { allAsked, pathsOf, type QueryCall } from './query-call.js';

/** `--tree`: what the paths refer to, for people. */
export async function printTree(call: QueryCall): Promise<void> {
  const { context, store } = call;
  for (const line of referenceTrees(store.local, pathsOf(call)))
    await context.stdout.write(formatTreeLine(line));
}

/** `--graph`: the same for the `dot` program of graphviz. */
export async function printGraph(call: QueryCall): Promise<void> {
  const graph = referenceGraph(call.store.local, await allAsked(call));
  for (const piece of formatDot(graph)) await call.context.stdout.write(piece);
}

/** `--graphml`: the same in GraphML. */
export async function printGraphml(call: QueryCall): Promise<void> {
  const graph = referenceGraph(call.store.local, await allAsked(call));
  for (const piece of formatGraphml(graph)) await call.context.stdout.write(piece);
}
