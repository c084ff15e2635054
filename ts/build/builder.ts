import { AirplantError, isAirplantError } from '../base/errors.js';
import type { EventSink } from '../base/events.js';
import { compareText } from '../base/text.js';
import type { LocalStore } from '../store/local-store.js';
import type { Substitutes } from '../substitute/substitutes.js';
import { type Approach, makeMissing } from './approach.js';
import type { Outcome } from './build-all.js';
import { type EventRun, startRun } from './event-run.js';
import type { Executor } from './executor.js';
import { type Prepared, planAndSubstitute } from './make-plan.js';
import type { BuildOptions } from './options.js';
import { exitStatusOf, failedEvent, failureOf, statusOf } from './outcome.js';
import { knownOutputs, outputsOf } from './plan.js';
import type { BuildResult, Plan, Wanted } from './records.js';
import { formatWanted, pathOf } from './wanted.js';

export type BuildRun = EventRun<BuildReport>;

export interface BuildReport {
  /** One result for each wanted thing, in the order asked for. */
  readonly results: readonly BuildResult[];
  /** Damaged paths that have been replaced, in the order of their names. */
  readonly repaired: readonly string[];
  /** What the process should exit with: 0, Nix's 100 family, or 1. */
  readonly exitStatus: number;
}

export interface BuildJob {
  /** What to make valid; called once. */
  wanted(): Promise<readonly Wanted[]>;
  /** Read what is wanted, with all it refers to, and make again what is damaged. */
  readonly repair: boolean;
  readonly store: LocalStore;
  /** Where missing paths may be had; asked for only if there are any. Undefined: nowhere. */
  substitutes(onWarning: (message: string) => void): Promise<Substitutes | undefined>;
  /** What building takes; asked for only if something has to be built. */
  engine(): Promise<{ readonly options: BuildOptions; readonly executor: Executor }>;
  readonly signal: AbortSignal;
}

/** Starts to make what is wanted valid. */
export function startBuild(job: BuildJob): BuildRun {
  return startRun((emit) => buildWanted(job, emit));
}

/** Makes what is wanted valid, as far as it goes. */
export async function buildWanted(job: BuildJob, emit: EventSink): Promise<BuildReport> {
  const began = Date.now();
  const wanted = await job.wanted();
  const { store, signal } = job;
  const approach = job.repair
    ? (await import('./repair/approach.js')).repairDamaged(store, emit)
    : makeMissing(store);
  const prepared = await planAndSubstitute(wanted, {
    store,
    approach,
    signal,
    emit,
    substitutes: () => job.substitutes((message) => void emit({ type: 'warning', message })),
  });
  const told = new Set<string>();
  const tell: EventSink = (event) => {
    if (event.type === 'build.failed') told.add(event.drvPath);
    return emit(event);
  };
  const outcomes =
    prepared.plan.build.length > 0
      ? await carryOut(prepared, wanted, { ...job, approach }, tell)
      : new Map<string, Outcome>();
  const results = wanted.map((one) => resultOf(one, { ...prepared, outcomes, approach, store, signal }));
  for (const { wanted: one, error } of results) {
    const path = pathOf(one);
    // What was stopped is no failure of its own, and what a failed build leaves damaged is not another one.
    if (!error || error.code === 'ERR_ABORTED' || told.has(path)) continue;
    const isConsequence = told.has(makerIn(prepared.plan, one) ?? path);
    (isConsequence ? emit : tell)(failedEvent(path, error));
  }
  emit({
    type: 'finished',
    ...counts(outcomes),
    substituted: prepared.copied.size,
    failed: told.size,
    wantedFailed: wantedFailed(results, signal),
    milliseconds: Date.now() - began,
  });
  const repaired = job.repair ? [...prepared.copied, ...approach.remade].sort(compareText) : [];
  return { results, repaired, exitStatus: exitStatus(results, outcomes) };
}

/** Loaded only when something has to be built. */
async function carryOut(
  { plan, refused: known, failures }: Prepared,
  wanted: readonly Wanted[],
  job: BuildJob & { readonly approach: Approach },
  emit: EventSink,
): Promise<ReadonlyMap<string, Outcome>> {
  const [{ buildAll }, { sweepScratch }, { watchDisk }, engine] = await Promise.all([
    import('./build-all.js'),
    import('./sweep.js'),
    import('./watch-disk.js'),
    job.engine(),
  ]);
  const { store, approach, signal } = job;
  const sweeping = sweepScratch(store, engine.options, { emit, signal });
  // Who repairs wants what is damaged to be made, in whatever way.
  const notBuilt = approach.repairs || engine.options.fallback ? [] : notSubstituted(plan, failures);
  const goals = approach.repairs ? plan.build.map(({ drvPath }) => drvPath) : wanted.map(pathOf);
  const stopWatching = watchDisk(store, emit);
  try {
    return await buildAll(
      { plan, wanted: new Set(goals), refused: new Map([...known, ...notBuilt]) },
      { ...engine, store, approach, signal, emit },
    );
  } finally {
    stopWatching();
    await sweeping;
  }
}

/** As in Nix, what could not be fetched is not built unless that has been asked for. By drvPath. */
function notSubstituted(plan: Plan, failures: ReadonlyMap<string, unknown>): Map<string, AirplantError> {
  const refused = new Map<string, AirplantError>();
  for (const { drvPath, derivation, missing } of plan.build) {
    const known = knownOutputs(derivation);
    const name = missing.find((output) => failures.has(known.get(output) ?? ''));
    if (name === undefined) continue;
    const cause = failures.get(known.get(name)!);
    const message = `some substitutes for the outputs of derivation '${drvPath}' failed (usually happens due to networking issues); try '--fallback' to build derivation from source`;
    refused.set(drvPath, new AirplantError('ERR_SUBSTITUTE', message, { cause, details: { drvPath } }));
  }
  return refused;
}

/** For who makes what nobody has asked for by name: the `finished` of the run does not tell of it by name either. */
export function unasked(emit: EventSink): EventSink {
  return (event) => emit(event.type === 'finished' ? { ...event, wantedFailed: [] } : event);
}

/** What a caller stops has not failed; what is stopped on account of a failure has, in Nix. */
function wantedFailed(results: readonly BuildResult[], signal: AbortSignal): string[] {
  const failed = results.filter(
    ({ error, status }) => error !== undefined && !(signal.aborted && status === 'Cancelled'),
  );
  return [...new Set(failed.map(({ wanted }) => pathOf(wanted)))].sort(compareText);
}

function counts(outcomes: ReadonlyMap<string, Outcome>): { built: number; madeElsewhere: number } {
  const realised = [...outcomes.values()].flatMap((outcome) => outcome.realised ?? []);
  const built = realised.filter((one) => one.built).length;
  return { built, madeElsewhere: realised.length - built };
}

function resultOf(
  wanted: Wanted,
  { plan, copied, failures, outcomes, approach, store, signal }: ResultContext,
): BuildResult {
  const nothingRan = { wanted, outputs: {}, startTime: 0, stopTime: 0 };
  const path = pathOf(wanted);
  if (plan.unknown.includes(path)) {
    const cause = signal.aborted ? stopped(path) : (failures.get(path) ?? approach.failureOf(wanted));
    if (cause !== undefined) return { ...nothingRan, status: statusOf(cause), error: failureOf(cause) };
    return { ...nothingRan, status: 'MiscFailure', error: failureOf(unknown(wanted)) };
  }
  const outcome = outcomes.get(path);
  const failure = outcome?.error ?? approach.failureOf(wanted);
  const why = outcomes.get(makerIn(plan, wanted) ?? path)?.error ?? failure;
  if (failure !== undefined) {
    const drvPath = wanted.kind === 'path' ? undefined : path;
    return { ...nothingRan, status: statusOf(why), error: failureOf(failure, drvPath) };
  }
  const statusOfPaths = (paths: readonly string[]) => {
    if (paths.some((one) => copied.has(one))) return 'Substituted';
    return paths.some((one) => approach.remade.has(one)) ? 'Built' : 'AlreadyValid';
  };
  if (wanted.kind === 'path') return { ...nothingRan, status: statusOfPaths([path]), outputs: { out: path } };
  const known = outputsOf(path, store);
  const names = wanted.outputs === 'all' ? [...known.keys()] : wanted.outputs;
  const outputs = Object.fromEntries(names.map((name) => [name, known.get(name)!]));
  const built = outcome?.realised?.built;
  if (!built) return { ...nothingRan, status: statusOfPaths(Object.values(outputs)), outputs };
  const { startedAt: startTime, stoppedAt: stopTime, usage, isolation } = built.attempt;
  return { wanted, status: 'Built', outputs, startTime, stopTime, usage, isolation };
}

/** The derivation of the plan that makes a wanted path. */
function makerIn({ build }: Plan, wanted: Wanted): string | undefined {
  if (wanted.kind !== 'path') return undefined;
  const { path } = wanted;
  return build.find(({ derivation }) => [...knownOutputs(derivation).values()].includes(path))?.drvPath;
}

interface ResultContext extends Prepared {
  readonly approach: Approach;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly store: LocalStore;
  readonly signal: AbortSignal;
}

function unknown(wanted: Wanted): AirplantError {
  return new AirplantError('ERR_PATH_INVALID', `don't know how to build '${formatWanted(wanted)}'`, {
    details: { path: pathOf(wanted) },
  });
}

function stopped(path: string): AirplantError {
  return new AirplantError('ERR_ABORTED', `'${path}' was not made: the build was stopped`);
}

/** Failures of dependencies count too, as in Nix: what was skipped or cancelled on their account does not. */
function exitStatus(results: readonly BuildResult[], outcomes: ReadonlyMap<string, Outcome>): number {
  const errors = [...outcomes.values()].flatMap(({ error }) => (error === undefined ? [] : [error]));
  const own = errors.filter(
    (error) => !isAirplantError(error, 'ERR_DEPENDENCY_FAILED') && !isAirplantError(error, 'ERR_ABORTED'),
  );
  const status = exitStatusOf(own.length > 0 ? own : errors);
  return status === 0 && results.some(({ error }) => error !== undefined) ? 1 : status;
}
