import type { LocalStore } from '../store/local-store.js';
import type { PlanWithSubstitutes } from './make-plan.js';

/** What protecting paths needs. */
export interface ProtectContext {
  readonly store: Pick<LocalStore, 'addTempRoots' | 'invalidPaths'>;
  readonly signal: AbortSignal;
}

/**
 * Makes temporary roots of the valid paths that a plan relies on: what is wanted, what its builds take directly, and what
 * its substitutes refer to. What these refer to lives by them.
 *
 * False if one of them is not valid: a collector has taken it after the look at it, and before it was a root. Then the
 * plan is to be made again.
 */
export async function protectPlan(
  { plan, found }: Pick<PlanWithSubstitutes, 'plan' | 'found'>,
  context: ProtectContext,
): Promise<boolean> {
  const reliedUpon = new Set(plan.valid);
  const coming = new Set(plan.substitute);
  for (const path of coming) {
    for (const reference of found.get(path)!.info.references)
      if (!coming.has(reference)) reliedUpon.add(reference);
  }
  await protectPaths(reliedUpon, context);
  return context.signal.aborted || context.store.invalidPaths(reliedUpon).length === 0;
}

/** Makes paths temporary roots. Who is told to stop carries out nothing, and needs none. */
export async function protectPaths(
  paths: Iterable<string>,
  { store, signal }: ProtectContext,
): Promise<void> {
  try {
    if (!signal.aborted) await store.addTempRoots(paths, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
