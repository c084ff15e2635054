import { setMaxListeners } from 'node:events';
import { Semaphore } from '../base/semaphore.js';
import { JobSlot } from './job-slot.js';

/** A step of the graph and the steps it needs, by key. */
export interface Step {
  readonly key: string;
  readonly dependsOn: readonly string[];
}

export interface ScheduleOptions {
  readonly maxJobs: number;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs every step once, after everything it depends on, at most `maxJobs` at a time; ready steps start in the
 * order given. `run` gets the slot it holds, which it may give back while it only waits for somebody else. It never
 * rejects, and resolves to whether the step went well. Steps that depend on a failed one
 * are not run; `skip` hears of them. Without `keepGoing` the first failure aborts the signal given to the running
 * steps and nothing new is started. Resolves when nothing runs any more.
 */
export async function schedule(
  steps: readonly Step[],
  work: {
    run(key: string, context: { readonly signal: AbortSignal; readonly slot: JobSlot }): Promise<boolean>;
    skip(key: string, failedDependency: string | undefined): void;
  },
  options: ScheduleOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // Every waiting step listens to it; that is no leak.
  setMaxListeners(0, signal);
  const slots = new Semaphore(options.maxJobs);
  const outcomes = new Map<string, Promise<boolean>>();

  const runStep = async ({ key, dependsOn }: Step): Promise<boolean> => {
    const needed = dependsOn.filter((dependency) => outcomes.has(dependency));
    const results = await Promise.all(needed.map((dependency) => outcomes.get(dependency)!));
    const failed = needed.find((_, index) => !results[index]);
    const slot = new JobSlot(slots);
    if (failed !== undefined || !(await isTaken(slot, signal))) {
      work.skip(key, failed);
      return false;
    }
    try {
      const good = await work.run(key, { signal, slot });
      if (!good && !options.keepGoing) stop.abort(new Error('another build failed'));
      return good;
    } finally {
      slot.giveBack();
    }
  };

  // Steps come dependencies first, so every dependency has its promise before it is asked for.
  for (const step of steps) outcomes.set(step.key, runStep(step));
  await Promise.all(outcomes.values());
}

/** Waits for the slot; false if the signal came first. */
function isTaken(slot: JobSlot, signal: AbortSignal): Promise<boolean> {
  return slot.take(signal).then(
    () => true,
    () => false,
  );
}
