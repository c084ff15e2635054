import { AirplantError, isAirplantError } from '../base/errors.js';
import type { BuildEvent, EventSink } from '../base/events.js';
import type { LocalStore } from '../store/local-store.js';
import type { Outcome } from './build-all.js';
import { EventStream } from './event-stream.js';
import type { Executor } from './executor.js';
import type { BuildOptions } from './options.js';
import { exitStatusOf, failedEvent, failureOf, statusOf } from './outcome.js';
import { knownOutputs, planBuild } from './plan.js';
import type { BuildResult, Plan, Wanted } from './records.js';
import { formatWanted } from './wanted.js';

/** A build under way: its events, for one reader that starts at once, and its result. */
export interface BuildRun extends AsyncIterable<BuildEvent> {
  /** Resolves when nothing runs any more; rejects only for what kept the build from starting at all. */
  readonly result: Promise<BuildReport>;
}

export interface BuildReport {
  /** One result for each wanted thing, in the order asked for. */
  readonly results: readonly BuildResult[];
  /** What the process should exit with: 0, Nix's 100 family, or 1. */
  readonly exitStatus: number;
}

export interface BuildJob {
  /** What to make valid; called once. */
  wanted(): Promise<readonly Wanted[]>;
  readonly store: LocalStore;
  /** What building takes; asked for only if something has to be built. */
  engine(): Promise<{ readonly options: BuildOptions; readonly executor: Executor }>;
  readonly signal: AbortSignal;
}

/** Starts to make what is wanted valid. The work begins after the current tick, so that a reader misses no event. */
export function startBuild(job: BuildJob): BuildRun {
  const events = new EventStream();
  const result = new Promise<void>((resolve) => setImmediate(resolve))
    .then(() => build(job, (event) => events.push(event)))
    .finally(() => events.end());
  // Whoever only reads events need not look at the result as well.
  result.catch(() => {});
  return { result, [Symbol.asyncIterator]: () => events[Symbol.asyncIterator]() };
}

async function build(job: BuildJob, emit: EventSink): Promise<BuildReport> {
  const began = Date.now();
  const wanted = await job.wanted();
  const plan = planBuild(wanted, job.store);
  const build = plan.build.map(({ drvPath }) => drvPath);
  emit({ type: 'plan', build, substitute: plan.substitute, valid: plan.valid.length });
  const told = new Set<string>();
  const tell: EventSink = (event) => {
    if (event.type === 'build.failed') told.add(event.drvPath);
    return emit(event);
  };
  const outcomes = build.length > 0 ? await carryOut(plan, wanted, job, tell) : new Map<string, Outcome>();
  const results = wanted.map((one) => resultOf(one, { plan, outcomes, store: job.store }));
  for (const { wanted: one, error } of results) {
    const path = pathOf(one);
    // What was stopped is no failure of its own.
    if (error && error.code !== 'ERR_ABORTED' && !told.has(path)) tell(failedEvent(path, error));
  }
  emit({ type: 'finished', ...counts(outcomes), failed: told.size, milliseconds: Date.now() - began });
  return { results, exitStatus: exitStatus(results, outcomes) };
}

/** Loaded only when something has to be built. */
async function carryOut(
  plan: Plan,
  wanted: readonly Wanted[],
  job: BuildJob,
  emit: EventSink,
): Promise<ReadonlyMap<string, Outcome>> {
  const [{ buildAll }, engine] = await Promise.all([import('./build-all.js'), job.engine()]);
  const { store, signal } = job;
  return await buildAll({ plan, wanted: new Set(wanted.map(pathOf)) }, { ...engine, store, signal, emit });
}

function pathOf(wanted: Wanted): string {
  return wanted.kind === 'path' ? wanted.path : wanted.drvPath;
}

function counts(outcomes: ReadonlyMap<string, Outcome>): { built: number; madeElsewhere: number } {
  const realised = [...outcomes.values()].flatMap((outcome) => outcome.realised ?? []);
  const built = realised.filter((one) => one.built).length;
  return { built, madeElsewhere: realised.length - built };
}

function resultOf(
  wanted: Wanted,
  { plan, outcomes, store }: { plan: Plan; outcomes: ReadonlyMap<string, Outcome>; store: LocalStore },
): BuildResult {
  const nothingRan = { wanted, outputs: {}, startTime: 0, stopTime: 0 };
  const path = pathOf(wanted);
  if (plan.unknown.includes(path)) {
    const error = new AirplantError('ERR_PATH_INVALID', `don't know how to build '${formatWanted(wanted)}'`, {
      details: { path },
    });
    return { ...nothingRan, status: 'MiscFailure', error: failureOf(error) };
  }
  if (wanted.kind === 'path') return { ...nothingRan, status: 'AlreadyValid', outputs: { out: path } };
  const outcome = outcomes.get(path);
  if (outcome?.error !== undefined) {
    return { ...nothingRan, status: statusOf(outcome.error), error: failureOf(outcome.error, path) };
  }
  const known = knownOutputs(store.readDerivation(path));
  const names = wanted.outputs === 'all' ? [...known.keys()] : wanted.outputs;
  const outputs = Object.fromEntries(names.map((name) => [name, known.get(name)!]));
  const built = outcome?.realised?.built;
  if (!built) return { ...nothingRan, status: 'AlreadyValid', outputs };
  const { startedAt: startTime, stoppedAt: stopTime, usage, isolation } = built.attempt;
  return { wanted, status: 'Built', outputs, startTime, stopTime, usage, isolation };
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
