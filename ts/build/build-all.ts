import { Deferred } from '../base/deferred.js';
import { AirplantError, isAirplantError } from '../base/errors.js';
import type { EventSink } from '../base/events.js';
import { Semaphore } from '../base/semaphore.js';
import { featuresUsed } from './feature-limits.js';
import { requireJobs } from './job-slot.js';
import { failedEvent, failureOf } from './outcome.js';
import { type RealiseContext, type Realised, realise } from './realise.js';
import type { Plan, PlannedBuild } from './records.js';
import { findRefusals } from './refusals.js';
import { type StepContext, schedule } from './schedule.js';

/** What became of one derivation of a plan. */
export interface Outcome {
  readonly realised?: Realised;
  readonly error?: unknown;
}

/** What building a plan needs, besides the slot each build gets. */
export type BuildAllContext = Omit<RealiseContext, 'slot' | 'onBuilt' | 'onValid'>;

export interface BuildAllJob {
  readonly plan: Plan;
  /** The drvPaths asked for. */
  readonly wanted: ReadonlySet<string>;
  /** What is not to be built, and why, by drvPath. */
  readonly refused: ReadonlyMap<string, unknown>;
}

/**
 * Builds everything in the plan, as far as it goes. Each derivation in it has an outcome then. What this machine
 * cannot build fails before anything is built; with `keepGoing` the rest of what is wanted is built all the same.
 *
 * Throws ERR_NO_JOBS with Nix's message if there is something to build and max-jobs is 0.
 */
export async function buildAll(
  { plan, wanted, refused: known }: BuildAllJob,
  context: BuildAllContext,
): Promise<Map<string, Outcome>> {
  const { maxJobs, keepGoing } = context.options;
  requireJobs(maxJobs);
  const outcomes = new Map<string, Outcome>();
  const { refused, rest } = findRefusals({ plan, wanted, refused: known }, context.options);
  for (const [drvPath, error] of refused) {
    tellFailure(drvPath, error, context.emit);
    outcomes.set(drvPath, { error });
  }
  if (refused.size === 0 || keepGoing) await buildEach(rest, context, outcomes);
  for (const { drvPath, dependsOn } of plan.build) {
    if (outcomes.has(drvPath)) continue;
    outcomes.set(drvPath, { error: notRun({ drvPath, dependsOn }, outcomes) });
  }
  return outcomes;
}

async function buildEach(
  builds: readonly PlannedBuild[],
  context: BuildAllContext,
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const { maxJobs, featureLimits: limits, keepGoing } = context.options;
  const planned = new Map(builds.map((one) => [one.drvPath, one]));
  // To hash large outputs takes long, and removing a sandbox can take longer than to build in it: on a file system mounted
  // with `discard` every directory waits for the disk. So the next build starts meanwhile; but no more are left to be
  // looked at and removed than may run. A single job is done with before the next one starts.
  const unfinished = new Semaphore(maxJobs);
  const tidied: Promise<void>[] = [];
  const work = {
    async run(drvPath: string, { signal, slot, isAwaited }: StepContext): Promise<boolean> {
      let finish: (() => void) | undefined;
      const onBuilt = async () => {
        if (maxJobs === 1 || isAwaited()) return;
        finish = await unfinished.acquire();
        slot.giveBack();
      };
      const build = startAttempt(planned.get(drvPath)!, { ...context, signal, slot, onBuilt });
      const outcome = await build.outcome;
      outcomes.set(drvPath, outcome);
      tidied.push(build.tidied.finally(finish ?? (await unfinished.acquire())));
      return outcome.error === undefined;
    },
    skip(drvPath: string): void {
      outcomes.set(drvPath, { error: notRun(planned.get(drvPath)!, outcomes) });
    },
  };
  const steps = builds.map(({ drvPath, derivation, dependsOn }) => ({
    key: drvPath,
    dependsOn,
    uses: featuresUsed(derivation),
  }));
  await schedule(steps, work, { maxJobs, limits, keepGoing, signal: context.signal });
  await Promise.all(tidied);
}

/**
 * Realises one derivation and tells how it went. `outcome` resolves as soon as that is known, `tidied` when nothing
 * is left of the sandbox; neither rejects.
 */
function startAttempt(
  planned: PlannedBuild,
  context: RealiseContext,
): { readonly outcome: Promise<Outcome>; readonly tidied: Promise<void> } {
  const { drvPath } = planned;
  const { emit } = context;
  const outcome = new Deferred<Outcome>();
  let succeeded = false;
  const succeed = (realised: Realised) => {
    if (succeeded) return;
    succeeded = true;
    const { outputs, built } = realised;
    if (built) emit({ type: 'build.succeeded', drvPath, outputs, milliseconds: built.milliseconds });
    else emit({ type: 'build.made-elsewhere', drvPath, outputs });
    outcome.resolve({ realised });
  };
  const fail = (cause: unknown) => {
    // Whatever breaks off when it is told to stop has not failed.
    const cancelled = context.signal.aborted && (!isAirplantError(cause) || cause.code === 'ERR_ABORTED');
    const error = cancelled ? stopped(drvPath, cause) : cause;
    if (cancelled && !succeeded) {
      emit({ type: 'build.cancelled', drvPath });
      outcome.resolve({ error });
      return;
    }
    if (succeeded) {
      const { message } = failureOf(error, drvPath);
      emit({ type: 'warning', message: `tidying up after the build of '${drvPath}': ${message}` });
      return;
    }
    tellFailure(drvPath, error, emit);
    outcome.resolve({ error });
  };
  const tidied = realise(planned, { ...context, onValid: succeed }).then(succeed, fail);
  return { outcome: outcome.promise, tidied };
}

function tellFailure(drvPath: string, error: unknown, emit: EventSink): void {
  emit(failedEvent(drvPath, failureOf(error, drvPath)));
}

/** True for what has failed, or depends on such a thing; not for what was only stopped. */
function hasFailed(outcome: Outcome | undefined): boolean {
  return outcome?.error !== undefined && !isAirplantError(outcome.error, 'ERR_ABORTED');
}

/** Why something was not built, given what became of all that it depends on. In the words of Nix. */
function notRun(
  { drvPath, dependsOn }: Pick<PlannedBuild, 'drvPath' | 'dependsOn'>,
  outcomes: ReadonlyMap<string, Outcome>,
): AirplantError {
  const failed = dependsOn.filter((dependency) => hasFailed(outcomes.get(dependency)));
  if (failed.length === 0) return stopped(drvPath);
  return new AirplantError(
    'ERR_DEPENDENCY_FAILED',
    `${failed.length} dependencies of derivation '${drvPath}' failed to build`,
    {
      hint: `Mend '${failed[0]}' first.`,
      details: { drvPath, dependencies: failed },
    },
  );
}

function stopped(drvPath: string, cause?: unknown): AirplantError {
  return new AirplantError('ERR_ABORTED', `'${drvPath}' was not built: the build was stopped`, { cause });
}
