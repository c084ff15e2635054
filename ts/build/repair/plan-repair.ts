import { AirplantError } from '../../base/errors.js';
import type { Derivation } from '../../derivation/derivation.js';
import { isDerivationName } from '../../store/derivations.js';
import { referencesFirst } from '../../store/graph.js';
import type { LocalStore } from '../../store/local-store.js';
import { type PlanContext, type PlanWithSubstitutes, planWith } from '../make-plan.js';
import { knownOutputs } from '../plan.js';
import type { PlannedBuild, Wanted } from '../records.js';
import type { Examination } from './examination.js';
import { makerOf } from './maker.js';

/**
 * Plans the repair of what is wanted: a path alone; the outputs of a derivation with everything they refer to. Damaged
 * paths are planned for like missing ones, and whatever the plan relies on is read too, until no new damage turns up.
 * Nothing is built from damaged inputs: a build waits for the repair of all that it sees, and is refused where there is
 * none. `unknown` has the damaged paths that nobody has and nothing in the store says how to make.
 */
export async function planRepair(
  wanted: readonly Wanted[],
  examination: Examination,
  context: PlanContext,
): Promise<PlanWithSubstitutes> {
  const { store, signal } = context;
  await examination.examine(derivationsBehind(wanted, store), signal);
  for (;;) {
    const planned = await planOnce(wanted, examination, context);
    const foundDamage = await examination.examine(pathsReliedUpon(wanted, planned, store), signal);
    if (!foundDamage) return finish(planned, examination, store);
  }
}

function planOnce(
  wanted: readonly Wanted[],
  examination: Examination,
  context: PlanContext,
): Promise<PlanWithSubstitutes> {
  const { store, signal } = context;
  const { damaged, stuck } = examination;
  const asked = wanted.map((one) =>
    one.kind === 'path' && damaged.has(one.path) ? makerOf(one.path, store) : one,
  );
  const all = [...asked, ...[...damaged].map((path) => makerOf(path, store))];
  const view = {
    isValid: (path: string) => examination.seemsGood(path),
    readDerivation: (drvPath: string) => store.readDerivation(drvPath),
  };
  return planWith(all, view, {
    ...context,
    find: async (path, substitutes) => {
      if (stuck.has(path)) return undefined;
      const registered = store.isValid(path) ? store.pathInfo(path) : undefined;
      return await substitutes.find(path, { signal }, registered);
    },
  });
}

/** The `.drv` files that planning reads. */
function derivationsBehind(wanted: readonly Wanted[], store: LocalStore): string[] {
  const makers = wanted.map((one) => (one.kind === 'path' ? makerOf(one.path, store) : one));
  const drvPaths = makers.flatMap((one) => (one.kind === 'outputs' ? [one.drvPath] : []));
  return closureOf(drvPaths, store).filter(isDerivationName);
}

/** Valid paths that must be good for the plan to lead to what is wanted. */
function pathsReliedUpon(
  wanted: readonly Wanted[],
  { plan, found }: PlanWithSubstitutes,
  store: LocalStore,
): Set<string> {
  const paths = new Set<string>();
  const add = (some: Iterable<string>) => {
    for (const path of some) if (store.isValid(path)) paths.add(path);
  };
  for (const one of wanted) {
    if (one.kind === 'path') add([one.path]);
    else if (store.isValid(one.drvPath)) add(closureOf(wantedOutputs(one, store), store));
  }
  for (const path of plan.substitute) add(closureOf(found.get(path)!.info.references, store));
  for (const { derivation } of plan.build) {
    add([...knownOutputs(derivation).values()].filter((path) => path !== undefined));
    add(visibleTo(derivation, store));
  }
  return paths;
}

/** The known paths of what is wanted of a valid derivation. */
export function wantedOutputs(
  { drvPath, outputs }: Extract<Wanted, { kind: 'outputs' }>,
  store: LocalStore,
): string[] {
  return [...store.derivationOutputs(drvPath)].flatMap(([name, path]) =>
    outputs === 'all' || outputs.includes(name) ? [path] : [],
  );
}

/** The valid ones of all paths that a builder is going to see. */
function visibleTo({ inputSrcs, inputDrvs }: Derivation, store: LocalStore): string[] {
  const direct = [...inputSrcs];
  for (const [drvPath, { outputs }] of inputDrvs) {
    if (store.isValid(drvPath)) direct.push(...wantedOutputs({ kind: 'outputs', drvPath, outputs }, store));
  }
  return closureOf(direct, store);
}

function closureOf(paths: readonly string[], store: LocalStore): string[] {
  return store.closure(paths.filter((path) => store.isValid(path)));
}

/** Lets every build wait for the repair of all it is going to see, and refuses those for which there is none. */
function finish(
  { plan, found }: PlanWithSubstitutes,
  { damaged, stuck }: Examination,
  store: LocalStore,
): PlanWithSubstitutes {
  const makers = new Map(
    plan.build.flatMap((build) => outputsToMake(build).map((path) => [path, build.drvPath])),
  );
  const refused = new Map<string, unknown>();
  const builds = new Map<string, PlannedBuild>();
  for (const build of plan.build) {
    const { drvPath, derivation } = build;
    const immutable = outputsToMake(build).find((path) => stuck.has(path));
    if (immutable !== undefined) refused.set(drvPath, stuck.get(immutable));
    const dependsOn = new Set(build.dependsOn);
    for (const path of visibleTo(derivation, store).filter((one) => damaged.has(one))) {
      const maker = makers.get(path);
      if (maker !== undefined && maker !== drvPath) dependsOn.add(maker);
      else if (!found.has(path)) refused.set(drvPath, stuck.get(path) ?? irreparable(path));
    }
    builds.set(drvPath, { ...build, dependsOn: [...dependsOn] });
  }
  const sorted = referencesFirst(builds.keys(), (drvPath) => builds.get(drvPath)!.dependsOn);
  const unknown = plan.unknown.filter((path) => !makers.has(path));
  return { plan: { ...plan, build: sorted.map((drvPath) => builds.get(drvPath)!), unknown }, found, refused };
}

function outputsToMake({ derivation, missing }: PlannedBuild): string[] {
  const known = knownOutputs(derivation);
  return missing.flatMap((name) => known.get(name) ?? []);
}

/** The error for a damaged path that stays so; the message is Nix's. */
export function irreparable(path: string, cause?: unknown): AirplantError {
  return new AirplantError('ERR_REPAIR', `cannot repair path '${path}'`, { cause, details: { path } });
}
