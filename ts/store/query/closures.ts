import { isDerivationName } from '../derivations.js';
import { referencesFirst } from '../graph.js';
import type { QueryStore } from './query-store.js';

/**
 * The paths and everything they refer to, references first. With `includeOutputs` derivations among them bring in
 * those of their outputs that are valid, and what these refer to. Throws ERR_PATH_INVALID.
 */
export function requisites(
  store: QueryStore,
  paths: Iterable<string>,
  { includeOutputs = false }: { readonly includeOutputs?: boolean } = {},
): string[] {
  if (!includeOutputs) return store.closure(paths);
  const reached = reach(paths, (path) => [...store.references(path), ...validOutputs(store, path)]);
  return store.topologicalSort(reached);
}

/** What is referred to directly by any of the paths, references first. Throws ERR_PATH_INVALID. */
export function directReferences(store: QueryStore, paths: Iterable<string>): string[] {
  return store.topologicalSort(new Set([...paths].flatMap((path) => store.references(path))));
}

/** The valid paths that refer directly to any of the paths, references first; those need not be valid. */
export function directReferrers(store: QueryStore, paths: Iterable<string>): string[] {
  return store.topologicalSort(new Set([...paths].flatMap((path) => store.referrers(path))));
}

/** What else keeps a path alive, for Nix's settings `keep-outputs` and `keep-derivations`. */
export interface KeepOptions {
  /** A derivation holds its outputs: to what refers to a path belong the valid derivations that have it as output. */
  readonly keepOutputs?: boolean;
  /** An output holds its derivation: to what refers to a derivation belong its valid outputs. */
  readonly keepDerivations?: boolean;
}

/**
 * The paths and everything that refers to them over any distance, references first. As in Nix the paths need not be
 * valid: nothing refers to one that is not, and it refers to nothing.
 */
export function referrersClosure(
  store: QueryStore,
  paths: Iterable<string>,
  { keepOutputs = false, keepDerivations = false }: KeepOptions = {},
): string[] {
  const reached = reach(paths, (path) => [
    ...store.referrers(path),
    ...(keepOutputs ? store.validDerivers(path) : []),
    ...(keepDerivations ? validOutputs(store, path) : []),
  ]);
  return referencesFirst(reached, (path) => (store.isValid(path) ? store.references(path) : []));
}

function validOutputs(store: QueryStore, path: string): string[] {
  if (!isDerivationName(path)) return [];
  return [...store.derivationOutputs(path).values()].filter((output) => store.isValid(output));
}

function reach(from: Iterable<string>, next: (path: string) => Iterable<string>): Set<string> {
  const reached = new Set(from);
  // A set that is iterated over gives what is added meanwhile, too.
  for (const path of reached) for (const other of next(path)) reached.add(other);
  return reached;
}
