import { isAirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';
import type { Substitute } from '../substitute/substitutes.js';
import { outputsOf, type StoreView } from './plan.js';
import type { Wanted } from './records.js';

/**
 * Finds the paths that can be substituted so that `wanted` becomes valid with as little building as possible. With
 * each path all it refers to is there, or valid already. What could only be had in part is not: it is built.
 *
 * One round of questions for each level of the graph of derivations and one for each level of references, however
 * broad they are. Throws what `find` throws.
 */
export async function findSubstitutes(
  wanted: readonly Wanted[],
  store: StoreView,
  search: SubstituteSearch,
): Promise<ReadonlyMap<string, Substitute>> {
  const finder = new Finder(store, search);
  for (let level = wanted; level.length > 0; ) {
    level = (await Promise.all(level.map((one) => finder.look(one)))).flat();
  }
  return finder.found;
}

export interface SubstituteSearch {
  /** Who has a path. */
  find(path: string): Promise<Substitute | undefined>;
}

class Finder {
  /** Only paths whose closure is complete. */
  readonly found = new Map<string, Substitute>();
  readonly #store: StoreView;
  readonly #search: SubstituteSearch;
  readonly #seen = new Set<string>();

  constructor(store: StoreView, search: SubstituteSearch) {
    this.#store = store;
    this.#search = search;
  }

  /** Returns what has to be looked at next: the inputs of a derivation that has to be built. */
  async look(wanted: Wanted): Promise<Wanted[]> {
    if (wanted.kind === 'path') {
      await this.#findClosures([wanted.path]);
      return [];
    }
    const { drvPath } = wanted;
    const key = `${drvPath}!${wanted.outputs === 'all' ? '*' : wanted.outputs.join(',')}`;
    if (this.#seen.has(key)) return [];
    this.#seen.add(key);
    if (!this.#store.isValid(drvPath)) {
      await this.#findClosures([drvPath]);
      return [];
    }
    const known = outputsOf(drvPath, this.#store);
    const names = wanted.outputs === 'all' ? [...known.keys()] : wanted.outputs;
    const paths = names.map((name) => known.get(name));
    const missing = paths.filter((path) => path === undefined || !this.#store.isValid(path));
    if (missing.length === 0) return [];
    const derivation = this.#store.readDerivation(drvPath);
    const allKnown = missing.every((path) => path !== undefined);
    if (allKnown && allowsSubstitutes(derivation) && (await this.#findClosures(missing))) return [];
    return inputsOf(derivation);
  }

  /** True if all of these paths can be had, with all they refer to; otherwise nothing is noted. */
  async #findClosures(paths: readonly string[]): Promise<boolean> {
    const fresh = new Map<string, Substitute>();
    const isNeeded = (path: string) =>
      !fresh.has(path) && !this.found.has(path) && !this.#store.isValid(path);
    for (let level = paths.filter(isNeeded); level.length > 0; ) {
      const answers = await Promise.all(level.map((path) => this.#search.find(path)));
      for (const answer of answers) {
        if (!answer) return false;
        fresh.set(answer.info.path, answer);
      }
      const references = answers.flatMap((answer) => answer!.info.references);
      level = [...new Set(references)].filter(isNeeded);
    }
    for (const [path, substitute] of fresh) this.found.set(path, substitute);
    return true;
  }
}

/** What is wrong with the options of a derivation is said when it is to be built. */
function allowsSubstitutes(derivation: Derivation): boolean {
  try {
    return derivationOptions(derivation).allowSubstitutes;
  } catch (error) {
    if (isAirplantError(error)) return false;
    throw error;
  }
}

function inputsOf({ inputDrvs, inputSrcs }: Derivation): Wanted[] {
  return [
    ...[...inputDrvs].map(([drvPath, { outputs }]): Wanted => ({ kind: 'outputs', drvPath, outputs })),
    ...inputSrcs.map((path): Wanted => ({ kind: 'path', path })),
  ];
}
