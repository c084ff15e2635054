import { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import type { Plan, PlannedBuild, Wanted } from './records.js';

/** What planning asks of a store. */
export interface StoreView {
  isValid(path: string): boolean;
  /** The parsed .drv; throws ERR_PATH_INVALID when it is not in the store. */
  readDerivation(drvPath: string): Derivation;
}

/**
 * Works out everything that has to be built so that `wanted` becomes valid: pure, nothing is touched.
 * Builds come dependencies first, in a stable order; each derivation stands there once however often it is used.
 *
 * Throws ERR_DERIVATION_INVALID for a cycle and for an output a derivation does not have.
 */
export function planBuild(wanted: readonly Wanted[], store: StoreView): Plan {
  const planner = new Planner(store);
  for (const one of wanted) {
    if (one.kind === 'path') planner.path(one.path);
    else planner.outputs(one.drvPath, one.outputs);
  }
  return planner.plan();
}

/** Known output paths of a derivation by output name; undefined for paths that are known only after the build. */
export function knownOutputs(derivation: Derivation): Map<string, string | undefined> {
  return new Map(
    [...derivation.outputs].map(([name, output]) => [name, 'path' in output ? output.path : undefined]),
  );
}

/** One derivation being looked at: its inputs are taken one by one, so that depth costs no stack. */
interface Visit {
  readonly drvPath: string;
  readonly derivation: Derivation;
  readonly missing: readonly string[];
  readonly inputs: Iterator<[string, readonly string[]]>;
  readonly dependsOn: string[];
}

class Planner {
  readonly #store: StoreView;
  readonly #build = new Map<string, PlannedBuild>();
  readonly #open = new Set<string>();
  readonly #valid = new Set<string>();
  readonly #unknown = new Set<string>();

  constructor(store: StoreView) {
    this.#store = store;
  }

  plan(): Plan {
    return {
      build: [...this.#build.values()],
      substitute: [],
      valid: [...this.#valid],
      unknown: [...this.#unknown],
    };
  }

  /** Notes a path that must be there; true if it is. */
  path(path: string): boolean {
    const valid = this.#store.isValid(path);
    (valid ? this.#valid : this.#unknown).add(path);
    return valid;
  }

  outputs(drvPath: string, outputs: 'all' | readonly string[]): void {
    const first = this.#enter(drvPath, outputs);
    if (!first) return;
    const stack = [first];
    for (let visit = stack.at(-1); visit; visit = stack.at(-1)) {
      const next = visit.inputs.next();
      if (next.done) {
        this.#leave(visit);
        stack.pop();
        continue;
      }
      const [inputPath, inputOutputs] = next.value;
      const input = this.#enter(inputPath, inputOutputs);
      if (input) stack.push(input);
      if (input || this.#build.has(inputPath)) visit.dependsOn.push(inputPath);
    }
  }

  /** Starts looking at a derivation, unless nothing of it has to be built or that is planned already. */
  #enter(drvPath: string, wanted: 'all' | readonly string[]): Visit | undefined {
    if (this.#open.has(drvPath)) {
      throw new AirplantError('ERR_DERIVATION_INVALID', `'${drvPath}' depends on itself`, {
        details: { drvPath },
      });
    }
    if (!this.path(drvPath)) return undefined;
    const derivation = this.#store.readDerivation(drvPath);
    const known = knownOutputs(derivation);
    const names = wanted === 'all' ? [...known.keys()] : wanted;
    const unheardOf = names.find((name) => !known.has(name));
    if (unheardOf !== undefined) {
      throw new AirplantError(
        'ERR_DERIVATION_INVALID',
        `derivation '${drvPath}' has no output '${unheardOf}'`,
        {
          hint: `Its outputs are: ${[...known.keys()].join(', ')}.`,
          details: { drvPath, output: unheardOf },
        },
      );
    }
    const isMissing = (name: string) => {
      const path = known.get(name);
      if (path === undefined || !this.#store.isValid(path)) return true;
      this.#valid.add(path);
      return false;
    };
    if (this.#build.has(drvPath) || !names.some(isMissing)) return undefined;
    this.#open.add(drvPath);
    return {
      drvPath,
      derivation,
      missing: [...known.keys()].filter(isMissing),
      inputs: [...derivation.inputDrvs]
        .map(([path, { outputs }]): [string, readonly string[]] => [path, outputs])
        .values(),
      dependsOn: [],
    };
  }

  #leave({ drvPath, derivation, missing, dependsOn }: Visit): void {
    for (const source of derivation.inputSrcs) this.path(source);
    this.#open.delete(drvPath);
    this.#build.set(drvPath, { drvPath, derivation, missing, dependsOn });
  }
}
