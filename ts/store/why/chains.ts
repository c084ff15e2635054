import type { QueryStore } from '../query/query-store.js';

/** A path that refers directly to another one. */
export interface Reference {
  readonly from: string;
  readonly to: string;
}

/**
 * The references by which one path comes to depend on another: those of a shortest chain, the first in the order of paths,
 * or with `all` every one that is part of some chain, referrers first. Undefined if it does not depend on it; of a path that
 * is to depend on itself, its reference to itself.
 *
 * Throws ERR_PATH_INVALID for `from`.
 */
export function referencesBetween(
  store: Pick<QueryStore, 'closure' | 'references'>,
  { from, to }: Reference,
  { all }: { readonly all: boolean },
): Reference[] | undefined {
  if (from === to) return store.references(from).includes(to) ? [{ from, to }] : undefined;
  const others = (path: string) => store.references(path).filter((reference) => reference !== path);
  const nearer = new Map<string, string[]>();
  const distances = new Map<string, number>([[to, 0]]);
  // References come first, so whatever a path refers to has its distance already.
  const closure = store.closure([from]);
  for (const path of closure) {
    if (path === to) continue;
    const leading = others(path).filter((reference) => distances.has(reference));
    if (leading.length === 0) continue;
    distances.set(path, 1 + Math.min(...leading.map((reference) => distances.get(reference)!)));
    nearer.set(path, leading);
  }
  if (!nearer.has(from)) return undefined;
  if (all) {
    const leading = closure.toReversed().filter((path) => nearer.has(path));
    return leading.flatMap((path) => nearer.get(path)!.map((reference) => ({ from: path, to: reference })));
  }
  const chain: Reference[] = [];
  for (let path = from; path !== to; ) {
    const next = nearer.get(path)!.find((other) => distances.get(other) === distances.get(path)! - 1)!;
    chain.push({ from: path, to: next });
    path = next;
  }
  return chain;
}
