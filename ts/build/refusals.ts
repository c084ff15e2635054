import { derivationOptions } from '../derivation/options.js';
import type { Plan, PlannedBuild } from './records.js';
import { checkBuildable, type Machine } from './supported.js';

/** A plan without what would be in vain. */
export interface Refusals {
  /** Why derivations of the plan cannot be built here, by drvPath. */
  readonly refused: ReadonlyMap<string, unknown>;
  /** What can be built of what is wanted, and all it needs, dependencies first. */
  readonly rest: readonly PlannedBuild[];
}

/**
 * Finds everything in a plan that this machine is not able to build, before hours are spent on what it depends on.
 * `wanted` holds the drvPaths asked for, `refused` what is not to be built for other reasons. Pure.
 */
export function findRefusals({ plan, wanted, refused: known }: FindRefusalsJob, machine: Machine): Refusals {
  const refused = new Map(known);
  for (const planned of plan.build) {
    if (refused.has(planned.drvPath)) continue;
    try {
      checkBuildable(planned, derivationOptions(planned.derivation), machine);
    } catch (error) {
      refused.set(planned.drvPath, error);
    }
  }
  return { refused, rest: refused.size === 0 ? plan.build : withoutVain(plan, wanted, refused) };
}

interface FindRefusalsJob {
  readonly plan: Plan;
  readonly wanted: ReadonlySet<string>;
  readonly refused: ReadonlyMap<string, unknown>;
}

function withoutVain(
  plan: Plan,
  wanted: ReadonlySet<string>,
  refused: ReadonlyMap<string, unknown>,
): PlannedBuild[] {
  const doomed = new Set(refused.keys());
  for (const { drvPath, dependsOn } of plan.build) {
    if (dependsOn.some((dependency) => doomed.has(dependency))) doomed.add(drvPath);
  }
  const needed = new Set([...wanted].filter((drvPath) => !doomed.has(drvPath)));
  // Dependents first: when its turn comes, all that could need a derivation has been looked at.
  for (const { drvPath, dependsOn } of plan.build.toReversed()) {
    if (needed.has(drvPath)) for (const dependency of dependsOn) needed.add(dependency);
  }
  return plan.build.filter(({ drvPath }) => needed.has(drvPath));
}
