import { AirplantError } from '../base/errors.js';
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
  const work = {
    async run(drvPath: string, signal: AbortSignal): Promise<boolean> {
      const outcome = await attempt(planned.get(drvPath)!, { ...context, signal });
      outcomes.set(drvPath, outcome);
      return outcome.error === undefined;
    },
    skip(drvPath: string, failedDependency: string | undefined): void {
      outcomes.set(drvPath, { error: notRun(drvPath, failedDependency) });
    },
  };
  const steps = plan.build.map(({ drvPath, dependsOn }) => ({ key: drvPath, dependsOn }));
  await schedule(steps, work, { maxJobs, keepGoing, signal: context.signal });
  return outcomes;
}

/** Realises one derivation and tells how it went; never rejects. */
async function attempt(planned: PlannedBuild, context: RealiseContext): Promise<Outcome> {
  const { drvPath } = planned;
  const { emit } = context;
  const began = Date.now();
  try {
    const realised = await realise(planned, context);
    emit({ type: 'build.succeeded', drvPath, outputs: realised.outputs, milliseconds: Date.now() - began });
    return { realised };
  } catch (error) {
    const { code, message, hint, lastLines } = failureOf(error, drvPath);
    emit({ type: 'build.failed', drvPath, code, message, hint, lastLines: lastLines ?? [] });
    return { error };
  }
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
