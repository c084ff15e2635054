import type { LocalStore } from '../store/local-store.js';
import type { PlanWithSubstitutes } from './make-plan.js';

/**
 * Makes temporary roots of the valid paths that a plan relies on: what is wanted, what its builds take directly, and what
 * its substitutes refer to. What these refer to lives by them.
 *
 * False if one of them is not valid: a collector has taken it after the look at it, and before it was a root. Then the
 * plan is to be made again.
 */
export async function protectPlan(
  { plan, found }: Pick<PlanWithSubstitutes, 'plan' | 'found'>,
  store: Pick<LocalStore, 'addTempRoots' | 'isValid'>,
): Promise<boolean> {
  const reliedUpon = new Set(plan.valid);
  const coming = new Set(plan.substitute);
  for (const path of coming) {
    for (const reference of found.get(path)!.info.references)
      if (!coming.has(reference)) reliedUpon.add(reference);
  }
  await store.addTempRoots(reliedUpon);
  return [...reliedUpon].every((path) => store.isValid(path));
}
