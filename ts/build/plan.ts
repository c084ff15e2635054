import { AirplantError } from '../base/errors.js';
import { compareText } from '../base/text.js';
import type { Derivation } from '../derivation/derivation.js';
import { referencesFirst } from '../store/graph.js';
import type { Plan, PlannedBuild, Wanted } from './records.js';

/** What planning asks of a store. */
export interface StoreView {
  isValid(path: string): boolean;
  /** The parsed .drv; throws ERR_PATH_INVALID when it is not in the store. */
  readDerivation(drvPath: string): Derivation;
  /** Path by output name of a valid derivation, if all are known without reading it; otherwise none. */
  derivationOutputs?(drvPath: string): ReadonlyMap<string, string>;
  /** What a path that is not valid refers to, if it can be substituted with all of that; otherwise undefined. */
  substitute?(path: string): readonly string[] | undefined;
}

/**
 * Works out everything that has to be substituted or built so that `wanted` becomes valid: pure, nothing is touched.
 * A derivation is built if one of the outputs that are wanted can be had in no other way. Builds come dependencies
 * first, in a stable order, each derivation once however often it is used; substitutes come references first.
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

/** The same as `knownOutputs` of a valid derivation, which is read only if that has to be. */
export function outputsOf(drvPath: string, store: StoreView): ReadonlyMap<string, string | undefined> {
  const registered = store.derivationOutputs?.(drvPath);
  return registered && registered.size > 0 ? registered : knownOutputs(store.readDerivation(drvPath));
}

/** Throws ERR_DERIVATION_INVALID if one of the names is none of the derivation's outputs. */
export function requireOutputs(
  drvPath: string,
  names: readonly string[],
  outputs: ReadonlyMap<string, unknown>,
): void {
  const unheardOf = names.find((name) => !outputs.has(name));
  if (unheardOf === undefined) return;
  throw new AirplantError('ERR_DERIVATION_INVALID', `derivation '${drvPath}' has no output '${unheardOf}'`, {
    hint: `Its outputs are: ${[...outputs.keys()].join(', ')}.`,
    details: { drvPath, output: unheardOf },
  });
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
  readonly #build = new Map<string, Omit<PlannedBuild, 'wanted'>>();
  /** Output names that were asked for, of each derivation that is built. */
  readonly #asked = new Map<string, 'all' | Set<string>>();
  readonly #open = new Set<string>();
  readonly #valid = new Set<string>();
  /** Looked for and not valid. Each path is asked for once, however many need it. */
  readonly #missing = new Set<string>();
  readonly #outputs = new Map<string, ReadonlyMap<string, string | undefined>>();
  /** References by path. */
  readonly #substitute = new Map<string, readonly string[]>();
  readonly #unknown = new Set<string>();

  constructor(store: StoreView) {
    this.#store = store;
  }

  plan(): Plan {
    return {
      build: [...this.#build.values()].map((one) => ({ ...one, wanted: this.#wantedOf(one.drvPath) })),
      substitute: referencesFirst(this.#substitute.keys(), (path) => this.#substitute.get(path)!),
      valid: [...this.#valid],
      unknown: [...this.#unknown],
    };
  }

  /** Notes a path that must be there; true if it is. */
  path(path: string): boolean {
    const valid = this.#isValid(path);
    if (!valid && !this.#trySubstitutes([path])) this.#unknown.add(path);
    return valid;
  }

  #isValid(path: string): boolean {
    if (this.#valid.has(path)) return true;
    if (this.#missing.has(path)) return false;
    const valid = this.#store.isValid(path);
    (valid ? this.#valid : this.#missing).add(path);
    return valid;
  }

  #outputsOf(drvPath: string): ReadonlyMap<string, string | undefined> {
    const found = this.#outputs.get(drvPath) ?? outputsOf(drvPath, this.#store);
    this.#outputs.set(drvPath, found);
    return found;
  }

  /** True if all of these paths can be substituted; then they are going to be, with all they refer to. */
  #trySubstitutes(paths: readonly string[]): boolean {
    const referencesOf = (path: string) => this.#store.substitute?.(path);
    if (paths.some((path) => referencesOf(path) === undefined)) return false;
    const open = [...paths];
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (this.#substitute.has(path) || this.#store.isValid(path)) continue;
      const references = referencesOf(path) ?? [];
      this.#substitute.set(path, references);
      open.push(...references);
    }
    return true;
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
    const known = this.#outputsOf(drvPath);
    const names = wanted === 'all' ? [...known.keys()] : wanted;
    requireOutputs(drvPath, names, known);
    const isMissing = (name: string) => {
      const path = known.get(name);
      return path === undefined || !this.#isValid(path);
    };
    const missingPaths = names.filter(isMissing).map((name) => known.get(name));
    if (missingPaths.length === 0) return undefined;
    const planned = this.#build.has(drvPath);
    if (!planned && isComplete(missingPaths) && this.#trySubstitutes(missingPaths)) return undefined;
    this.#ask(drvPath, wanted);
    if (planned) return undefined;
    this.#open.add(drvPath);
    const derivation = this.#store.readDerivation(drvPath);
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

  #ask(drvPath: string, wanted: 'all' | readonly string[]): void {
    const before = this.#asked.get(drvPath) ?? [];
    const all = wanted === 'all' || before === 'all';
    this.#asked.set(drvPath, all ? 'all' : new Set([...before, ...wanted]));
  }

  #wantedOf(drvPath: string): PlannedBuild['wanted'] {
    const asked = this.#asked.get(drvPath)!;
    return asked === 'all' ? asked : [...asked].sort(compareText);
  }

  #leave({ drvPath, derivation, missing, dependsOn }: Visit): void {
    for (const source of derivation.inputSrcs) this.path(source);
    this.#open.delete(drvPath);
    this.#build.set(drvPath, { drvPath, derivation, missing, dependsOn });
  }
}

function isComplete(paths: readonly (string | undefined)[]): paths is readonly string[] {
  return !paths.includes(undefined);
}
