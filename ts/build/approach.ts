import type { AirplantError } from '../base/errors.js';
import type { CancelOptions } from '../native.js';
import type { PathToFetch } from '../store/fetch-path.js';
import type { LocalStore } from '../store/local-store.js';
import { makePlan, type PlanContext, type PlanWithSubstitutes } from './make-plan.js';
import type { Settled, Wanted } from './records.js';
import { registerSettled } from './register.js';

/** What making paths and repairing them do differently; the rest of the story is the same. */
export interface Approach {
  readonly repairs: boolean;
  /** Valid paths that were made again by building. */
  readonly remade: ReadonlySet<string>;
  plan(wanted: readonly Wanted[], context: PlanContext): Promise<PlanWithSubstitutes>;
  /** True if nothing is left to do for a path; the caller has its lock. */
  isDone(path: string, options: CancelOptions): Promise<boolean>;
  /** Takes a path from a substituter. */
  fetch(path: PathToFetch, options: CancelOptions): Promise<void>;
  /** Gives outputs their place. The caller has their locks. */
  register(settled: Settled): Promise<void>;
  /** In the end: why what is wanted is not as it should be although nothing wanted has failed. */
  failureOf(wanted: Wanted): AirplantError | undefined;
}

/** Makes what is not valid, and leaves alone what is. */
export function makeMissing(store: LocalStore): Approach {
  return {
    repairs: false,
    remade: new Set(),
    plan: makePlan,
    isDone: async (path) => store.isValid(path),
    fetch: async (path, options) => void (await store.fetchPath(path, options)),
    register: (settled) => registerSettled(settled, store),
    failureOf: () => undefined,
  };
}
