import { setMaxListeners } from 'node:events';
import { waitingChains } from './critical-path.js';
import { JobSlot } from './job-slot.js';
import { JobSlots } from './job-slots.js';

/** A step of the graph and the steps it needs, by key. */
export interface Step {
  readonly key: string;
  readonly dependsOn: readonly string[];
  /** Resources it uses one of each of while it runs, where `limits` has them. */
  readonly uses?: readonly string[];
}

export interface ScheduleOptions {
  readonly maxJobs: number;
  /** How many steps may use a resource at a time. */
  readonly limits?: ReadonlyMap<string, number>;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
}

export interface ScheduledWork {
  /** Never rejects, and resolves to whether the step went well. */
  run(key: string, context: StepContext): Promise<boolean>;
  skip(key: string, failedDependency: string | undefined): void;
}

export interface StepContext {
  readonly signal: AbortSignal;
  /** Held. Somebody else gets it when the step is done, or when it is given back before. */
  readonly slot: JobSlot;
  /** True if a step is ready as soon as this one is done: it may be more urgent than what gets a slot before that. */
  isAwaited(): boolean;
}

/**
 * Runs every step once, after everything it depends on, at most `maxJobs` at a time. Of those that are ready the one
 * with the longest chain of steps waiting for it starts first; of equals the first in the order given, which has
 * dependencies first. `run` gets the slot it holds, which it may give back while it only waits for somebody else, or before
 * it is done if nobody waits for it alone. Steps
 * that depend on a failed one are not run; `skip` hears of them. Without `keepGoing` the first failure aborts the
 * signal given to the running steps and nothing new is started. Resolves when nothing runs any more; should `run` or
 * `skip` throw against their promise, everything is stopped, and that is thrown in the end.
 */
export async function schedule(
  steps: readonly Step[],
  work: ScheduledWork,
  options: ScheduleOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  // Every running step listens to it; that is no leak.
  setMaxListeners(0, signal);
  const slots = new JobSlots(options.maxJobs, options.limits ?? new Map(), signal);
  const broken: unknown[] = [];

  const attempt = async (node: Node, slot: JobSlot): Promise<boolean> => {
    const { failed, dependants } = node;
    const { key } = node.step;
    if (failed !== undefined || !(await isTaken(slot)) || signal.aborted) {
      work.skip(key, failed?.key);
      return false;
    }
    const isAwaited = () => dependants.some(({ node: { waitsFor } }) => waitsFor === 1);
    return await work.run(key, { signal, slot, isAwaited });
  };
  const start = async (node: Node): Promise<void> => {
    const slot = new JobSlot(slots, { order: node.order, uses: node.step.uses ?? [] });
    const good = await attempt(node, slot).catch((error) => {
      // What must not happen. Nothing is left running or waiting even so.
      broken.push(error);
      stop.abort(error);
      return false;
    });
    if (!good && !options.keepGoing) stop.abort(new Error('another build failed'));
    let next: Promise<unknown> | undefined;
    slots.together(() => {
      slot.giveBack();
      next = Promise.all(settle(node, good).map(start));
    });
    await next;
  };

  let all: Promise<unknown> | undefined;
  const ready = linkSteps(steps).filter(({ waitsFor }) => waitsFor === 0);
  slots.together(() => {
    all = Promise.all(ready.map(start));
  });
  await all;
  if (broken.length > 0) throw broken[0];
}

interface Node {
  readonly step: Step;
  /** Its place among all that are ready. */
  readonly order: number;
  /** Dependencies that are not done yet. */
  waitsFor: number;
  /** The first of its dependencies that failed, in its own order, and where it stands there. */
  failed: { readonly key: string; readonly position: number } | undefined;
  /** Who depends on it, with its position among what that depends on. */
  readonly dependants: { readonly node: Node; readonly position: number }[];
}

/** The steps, in their order, knowing who waits for them. A dependency that does not come before is none. */
function linkSteps(steps: readonly Step[]): Node[] {
  const lengths = waitingChains(steps);
  const byLength = [...steps.keys()].sort(
    (a, b) => lengths.get(steps[b]!.key)! - lengths.get(steps[a]!.key)! || a - b,
  );
  const orders = new Uint32Array(steps.length);
  for (const [order, index] of byLength.entries()) orders[index] = order;
  const nodes = new Map<string, Node>();
  for (const [index, step] of steps.entries()) {
    const node: Node = { step, order: orders[index]!, waitsFor: 0, failed: undefined, dependants: [] };
    for (const [position, key] of step.dependsOn.entries()) {
      const needed = nodes.get(key);
      if (!needed) continue;
      needed.dependants.push({ node, position });
      node.waitsFor++;
    }
    nodes.set(step.key, node);
  }
  return [...nodes.values()];
}

/** Notes how a step ended, and returns those that waited for nothing else. */
function settle({ step: { key }, dependants }: Node, good: boolean): Node[] {
  const ready: Node[] = [];
  for (const { node, position } of dependants) {
    if (!good && (node.failed === undefined || position < node.failed.position))
      node.failed = { key, position };
    if (--node.waitsFor === 0) ready.push(node);
  }
  return ready;
}

/** Waits for the slot; false if the run was stopped first. */
function isTaken(slot: JobSlot): Promise<boolean> {
  return slot.take().then(
    () => true,
    () => false,
  );
}
