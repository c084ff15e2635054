import type { EventSink } from '../base/events.js';
import type { LocalStore } from '../store/local-store.js';
import type { Substitute, Substitutes } from '../substitute/substitutes.js';
import type { Approach } from './approach.js';
import { planBuild, type StoreView } from './plan.js';
import { protectPaths, protectPlan } from './protect-plan.js';
import type { Plan, Wanted } from './records.js';
import { pathOf } from './wanted.js';

/** What planning needs besides what is wanted. */
export interface PlanContext {
  readonly store: LocalStore;
  /** Opened only if something is missing; undefined if nobody is to be asked. */
  substitutes(): Promise<Substitutes | undefined>;
  readonly signal: AbortSignal;
}

export interface PlanWithSubstitutes {
  readonly plan: Plan;
  /** Who has what `plan.substitute` lists. */
  readonly found: ReadonlyMap<string, Substitute>;
  /** Builds of the plan that must not be carried out, and why, by drvPath. */
  readonly refused: ReadonlyMap<string, unknown>;
}

/** Plans what is wanted, asking the substituters for what is missing. Throws as `planWith`. */
export async function makePlan(
  wanted: readonly Wanted[],
  context: PlanContext,
): Promise<PlanWithSubstitutes> {
  const { store, signal } = context;
  const find = (path: string, substitutes: Substitutes) => substitutes.find(path, { signal });
  return await planWith(wanted, store, { ...context, find });
}

/**
 * Plans what is wanted in a store as `view` shows it. `find` asks the substituters. Throws as `planBuild` and what
 * `find` throws.
 */
export async function planWith(
  wanted: readonly Wanted[],
  view: StoreView,
  context: PlanContext & {
    find(path: string, substitutes: Substitutes): Promise<Substitute | undefined>;
  },
): Promise<PlanWithSubstitutes> {
  const plan = planBuild(wanted, view);
  const withoutSubstitutes = { plan, found: new Map<string, Substitute>(), refused: new Map() };
  if (context.signal.aborted || plan.build.length + plan.unknown.length === 0) return withoutSubstitutes;
  const substitutes = await context.substitutes();
  if (!substitutes) return withoutSubstitutes;
  const { findSubstitutes } = await import('./find-substitutes.js');
  const found = await findSubstitutes(wanted, view, { find: (path) => context.find(path, substitutes) });
  const fullView = {
    isValid: (path: string) => view.isValid(path),
    readDerivation: (drvPath: string) => view.readDerivation(drvPath),
    derivationOutputs: (drvPath: string) => view.derivationOutputs?.(drvPath) ?? new Map(),
    substitute: (path: string) => found.get(path)?.info.references,
  };
  return { ...withoutSubstitutes, plan: planBuild(wanted, fullView), found };
}

/** What is left to be built once all has been substituted that could be. */
export interface Prepared {
  readonly plan: Plan;
  /** Builds of the plan that must not be carried out, and why, by drvPath. */
  readonly refused: ReadonlyMap<string, unknown>;
  /** Paths that were copied. */
  readonly copied: ReadonlySet<string>;
  /** Why paths could not be copied from whoever said to have them. */
  readonly failures: ReadonlyMap<string, unknown>;
}

/**
 * Plans and substitutes in turn, until there is nothing to be substituted any more: for each path that does not come
 * the next substituter is tried, and what comes may be a derivation that asks for more. Every plan is told of.
 *
 * From then on no collector takes away what is wanted, nor what the plan found valid, until the store is closed.
 */
export async function planAndSubstitute(
  wanted: readonly Wanted[],
  context: PlanContext & { readonly approach: Approach; readonly emit: EventSink },
): Promise<Prepared> {
  const copied = new Set<string>();
  const failures = new Map<string, unknown>();
  const told = new Set<string>();
  // First of all: whoever keeps a `.drv` file keeps those it refers to, which planning reads.
  await protectPaths(wanted.map(pathOf), context);
  for (;;) {
    const planned = await context.approach.plan(wanted, context);
    if (!(await protectPlan(planned, context))) continue;
    const { plan, found, refused } = planned;
    tellPlan(plan, wanted, told, context.emit);
    if (plan.substitute.length === 0) return { plan, refused, copied, failures };
    const { substituteAll } = await import('./substitute-all.js');
    const substitutes = (await context.substitutes())!;
    const done = await substituteAll(plan.substitute, found, { ...context, substitutes });
    for (const path of done.copied) copied.add(path);
    for (const [path, error] of done.failures) failures.set(path, error);
  }
}

/** The first plan, and what later ones add to it. */
function tellPlan(
  { build, substitute, valid }: Plan,
  wanted: readonly Wanted[],
  told: Set<string>,
  emit: EventSink,
): void {
  const isNew = (path: string) => !told.has(path);
  const first = told.size === 0;
  const news = {
    build: build.map(({ drvPath }) => drvPath).filter(isNew),
    substitute: substitute.filter(isNew),
  };
  if (!first && news.build.length + news.substitute.length === 0) return;
  const asked = wanted.flatMap((one) => (one.kind === 'path' ? [] : [one.drvPath]));
  emit({ type: 'plan', ...news, valid: valid.length, wanted: asked });
  for (const path of [...news.build, ...news.substitute]) told.add(path);
}
