import type { GarbageQueries } from '../garbage-queries.js';
import type { StoreParts } from '../store-parts.js';
import { type FindRootsOptions, findAllRoots } from './find-roots.js';
import type { KeepSettings, Root } from './records.js';

/** A root that keeps a path. */
export interface Holder extends Root {
  /** The settings without which it would not; none if the root refers to the path, over whatever distance. */
  readonly by: readonly ('keep-outputs' | 'keep-derivations')[];
  /** From the root's path to the path it keeps, both included. */
  readonly through: readonly string[];
}

export interface HoldersOptions extends FindRootsOptions, KeepSettings {
  /**
   * Take every valid output of a derivation to keep it, as `nix-store --query --roots` does; a collector asks whether the
   * output was made by it.
   */
  readonly asNixQuery?: boolean | undefined;
}

/** The roots that keep at least one of the paths, in the order of `findAllRoots`. */
export async function findHolders(
  parts: StoreParts,
  paths: readonly string[],
  options: HoldersOptions,
): Promise<Holder[]> {
  const { garbage } = parts.database;
  const found = new Keepers(garbage, options);
  found.search([...garbage.idsOf(paths).values()]);
  const holders: Holder[] = [];
  for (const root of await findAllRoots(parts, options)) {
    const id = garbage.rowOf(root.path)?.id;
    // A path that is not valid can be a temporary root, and is kept by nothing else.
    const chain = id === undefined ? undefined : found.chainFrom(id);
    if (chain) holders.push({ ...root, ...chain });
    else if (id === undefined && paths.includes(root.path))
      holders.push({ ...root, by: [], through: [root.path] });
  }
  return holders;
}

type Edge = 'reference' | 'keep-outputs' | 'keep-derivations';

/** What keeps some paths, over any distance, each by as few settings as possible. */
class Keepers {
  readonly #queries: GarbageQueries;
  readonly #options: HoldersOptions;
  /** By id, what it keeps and how; of a path that was asked for, nothing. */
  readonly #next = new Map<number, { readonly id: number; readonly edge: Edge } | undefined>();

  constructor(queries: GarbageQueries, options: HoldersOptions) {
    this.#queries = queries;
    this.#options = options;
  }

  search(ids: readonly number[]): void {
    for (const id of ids) this.#next.set(id, undefined);
    for (let stage = ids; stage.length > 0; ) {
      const reached = [...stage];
      for (let some = stage; some.length > 0; ) {
        some = this.#follow('reference', this.#queries.referrerPairs(some));
        // One by one: there may be more than a call takes arguments.
        for (const id of some) reached.push(id);
      }
      stage = this.#followSettings(reached);
    }
  }

  chainFrom(id: number): Pick<Holder, 'by' | 'through'> | undefined {
    if (!this.#next.has(id)) return undefined;
    const by = new Set<'keep-outputs' | 'keep-derivations'>();
    const ids = [id];
    for (let next = this.#next.get(id); next; next = this.#next.get(next.id)) {
      if (next.edge !== 'reference') by.add(next.edge);
      ids.push(next.id);
    }
    return { by: [...by].sort(), through: ids.map((one) => this.#queries.rowById(one)!.path) };
  }

  #followSettings(ids: readonly number[]): number[] {
    const { keepOutputs, keepDerivations, asNixQuery } = this.#options;
    return [
      ...(keepOutputs ? this.#follow('keep-outputs', this.#queries.derivationPairs(ids)) : []),
      ...(keepDerivations
        ? this.#follow(
            'keep-derivations',
            asNixQuery ? this.#queries.outputPairs(ids) : this.#queries.madePairs(ids),
          )
        : []),
    ];
  }

  /** Of pairs of what keeps and what it keeps; returns what was not known yet. */
  #follow(edge: Edge, pairs: readonly (readonly [keeper: number, kept: number])[]): number[] {
    const fresh: number[] = [];
    for (const [keeper, kept] of pairs) {
      if (this.#next.has(keeper)) continue;
      this.#next.set(keeper, { id: kept, edge });
      fresh.push(keeper);
    }
    return fresh;
  }
}
