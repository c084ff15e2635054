import { compareText } from '../../base/text.js';
import { parseStorePath } from '../../formats/store-path.js';
import { isDerivationName } from '../derivations.js';
import type { QueryStore } from './query-store.js';

/** A path of a graph of references. */
export interface GraphNode {
  readonly path: string;
  /** Last component of the path, and what of it comes after the hash. */
  readonly base: string;
  readonly name: string;
  readonly narSize: number;
  /** What it refers to but for itself, as last components, sorted. */
  readonly references: readonly string[];
}

/** The paths and everything they refer to, in the order in which Nix prints graphs. Throws ERR_PATH_INVALID. */
export function* referenceGraph(store: QueryStore, roots: Iterable<string>): Generator<GraphNode> {
  const { storeDir } = store.directories;
  const done = new Set<string>();
  const waiting = new Smallest(roots);
  for (let path = waiting.take(); path !== undefined; path = waiting.take()) {
    if (done.has(path)) continue;
    done.add(path);
    const { base, name } = parseStorePath(storeDir, path);
    const { narSize, references } = store.pathInfo(path);
    const others = references.filter((reference) => reference !== path);
    for (const other of others) if (!done.has(other)) waiting.add(other);
    yield { path, base, name, narSize, references: others.map((other) => other.slice(storeDir.length + 1)) };
  }
}

/** Text for graphviz, as `nix-store --query --graph` prints it. */
export function* formatDot(nodes: Iterable<GraphNode>): Generator<string> {
  const colours = ['black', 'red', 'green', 'blue', 'magenta', 'burlywood'];
  let edges = 0;
  yield 'digraph G {\n';
  for (const { base, name, references } of nodes) {
    yield `"${base}" [label = "${name}", shape = box, style = filled, fillcolor = "#ff0000"];\n`;
    for (const reference of references)
      yield `"${reference}" -> "${base}" [color = "${colours[edges++ % colours.length]}"];\n`;
  }
  yield '}\n';
}

/** GraphML, as `nix-store --query --graphml` prints it. */
export function* formatGraphml(nodes: Iterable<GraphNode>): Generator<string> {
  yield graphmlHead;
  for (const { base, name, narSize, references } of nodes) {
    // Nix cuts names after the first dash, and leaves nothing of one without.
    const cut = name.slice(0, name.indexOf('-') + 1);
    const type = isDerivationName(name) ? 'derivation' : 'output-path';
    yield `  <node id="${base}">\n    <data key="narSize">${narSize}</data>\n    <data key="name">${cut}</data>\n    <data key="type">${type}</data>\n  </node>\n`;
    for (const reference of references) yield `  <edge source="${base}" target="${reference}"/>\n`;
  }
  yield '</graph>\n</graphml>\n';
}

const graphmlHead = `<?xml version='1.0' encoding='utf-8'?>
<graphml xmlns='http://graphml.graphdrawing.org/xmlns'
    xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
    xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>
${['narSize:int', 'name:string', 'type:string']
  .map((key) => key.split(':'))
  .map(([name, type]) => `<key id='${name}' for='node' attr.name='${name}' attr.type='${type}'/>`)
  .join('')}<graph id='G' edgedefault='directed'>
`;

/** Texts of which always the first in the order of bytes is taken: a binary heap. */
class Smallest {
  readonly #heap: string[] = [];

  constructor(texts: Iterable<string>) {
    for (const text of texts) this.add(text);
  }

  add(text: string): void {
    const heap = this.#heap;
    let at = heap.length;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (compareText(heap[parent]!, text) <= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = text;
  }

  take(): string | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && compareText(heap[child + 1]!, heap[child]!) < 0) child++;
      if (compareText(heap[child]!, last) >= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
