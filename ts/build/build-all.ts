import { Deferred } from '../base/deferred.js';
import { AirplantError } from '../base/errors.js';
import { Semaphore } from '../base/semaphore.js';
import { failureOf } from './outcome.js';
import { type RealiseContext, type Realised, realise } from './realise.js';
import type { Plan, PlannedBuild } from './records.js';
import { schedule } from './schedule.js';

/** What became of one derivation of a plan. */
export interface Outcome {
  readonly realised?: Realised;
  readonly error?: unknown;
}

/** Builds everything in the plan, as far as it goes. Each derivation in it has an outcome then. */
export async function buildAll(plan: Plan, context: RealiseContext): Promise<Map<string, Outcome>> {
  const { maxJobs, keepGoing } = context.options;
  if (maxJobs === 0) {
    throw new AirplantError(
      'ERR_USAGE',
      `${plan.build.length} derivations would have to be built, but max-jobs is 0`,
      { hint: 'Give `--max-jobs` a number above 0.' },
    );
  }
  const planned = new Map(plan.build.map((one) => [one.drvPath, one]));
  const outcomes = new Map<string, Outcome>();
  // Removing a sandbox can take longer than to build in it: on a file system mounted with `discard` every directory
  // waits for the disk. So the next build starts meanwhile; but no more are left to be removed than may run.
  const untidy = new Semaphore(maxJobs);
  const tidied: Promise<void>[] = [];
  const work = {
    async run(drvPath: string, signal: AbortSignal): Promise<boolean> {
      const build = startAttempt(planned.get(drvPath)!, { ...context, signal });
      const outcome = await build.outcome;
      outcomes.set(drvPath, outcome);
      tidied.push(build.tidied.finally(await untidy.acquire()));
      return outcome.error === undefined;
    },
    skip(drvPath: string, failedDependency: string | undefined): void {
      outcomes.set(drvPath, { error: notRun(drvPath, failedDependency) });
    },
  };
  const steps = plan.build.map(({ drvPath, dependsOn }) => ({ key: drvPath, dependsOn }));
  await schedule(steps, work, { maxJobs, keepGoing, signal: context.signal });
  await Promise.all(tidied);
  return outcomes;
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
  const began = Date.now();
  const outcome = new Deferred<Outcome>();
  let succeeded = false;
  const succeed = (realised: Realised) => {
    if (succeeded) return;
    succeeded = true;
    emit({ type: 'build.succeeded', drvPath, outputs: realised.outputs, milliseconds: Date.now() - began });
    outcome.resolve({ realised });
  };
  const fail = (error: unknown) => {
    const { code, message, hint, lastLines } = failureOf(error, drvPath);
    if (succeeded) {
      emit({ type: 'warning', message: `tidying up after the build of '${drvPath}': ${message}` });
      return;
    }
    emit({ type: 'build.failed', drvPath, code, message, hint, lastLines: lastLines ?? [] });
    outcome.resolve({ error });
  };
  const tidied = realise(planned, { ...context, onValid: succeed }).then(succeed, fail);
  return { outcome: outcome.promise, tidied };
}

function notRun(drvPath: string, failedDependency: string | undefined): AirplantError {
  if (failedDependency === undefined)
    return new AirplantError('ERR_ABORTED', `'${drvPath}' was not built: the build was stopped`);
  return new AirplantError(
    'ERR_DEPENDENCY_FAILED',
    `'${drvPath}' was not built: its dependency '${failedDependency}' failed`,
    { details: { drvPath, dependency: failedDependency } },
  );
}
