import { AirplantError } from '../../base/errors.js';
import type { EventSink } from '../../base/events.js';
import type { Derivation } from '../../derivation/derivation.js';
import type { LocalStore } from '../../store/local-store.js';
import { type BuildJob, buildWanted, unasked } from '../builder.js';
import { combineExitStatus, exitStatusOf, failedEvent, failureOf, statusOf } from '../outcome.js';
import { outputPaths } from '../output-paths.js';
import { requireOutputs } from '../plan.js';
import type { BuildFailure, BuildResult, Wanted } from '../records.js';
import { formatWanted, inputsOf } from '../wanted.js';
import type { CheckOptions } from './records.js';

/** A derivation to check. */
export interface Target {
  readonly drvPath: string;
  readonly derivation: Derivation;
}

/**
 * Each derivation once, as all its outputs are checked. Throws ERR_PATH_INVALID for a path that nothing known makes,
 * ERR_DERIVATION_INVALID for an output that a derivation has not.
 */
export function targetsOf(wanted: readonly Wanted[], store: LocalStore): Target[] {
  const drvPaths = wanted.map((one) => {
    if (one.kind === 'outputs') {
      const names = one.outputs === 'all' ? [] : one.outputs;
      requireOutputs(one.drvPath, names, store.readDerivation(one.drvPath).outputs);
      return one.drvPath;
    }
    const deriver = store.validDerivers(one.path)[0];
    if (deriver !== undefined) return deriver;
    throw new AirplantError(
      'ERR_PATH_INVALID',
      `there is no derivation in the store that makes '${formatWanted(one)}'`,
      { hint: 'Name the derivation to check.', details: { path: one.path } },
    );
  });
  return [...new Set(drvPaths)].map((drvPath) => ({ drvPath, derivation: store.readDerivation(drvPath) }));
}

/** Why a derivation is not going to be checked. */
export type Unchecked = Pick<BuildResult, 'status'> & { readonly error: BuildFailure };

/**
 * Makes valid what the rebuilds need. Gives why derivations cannot be checked, by drvPath. By Nix's rule nothing is made
 * for what has an output that is not valid.
 */
export async function prepareTargets(
  targets: readonly Target[],
  job: BuildJob & { readonly checking: CheckOptions },
  emit: EventSink,
): Promise<{ readonly unchecked: Map<string, Unchecked>; readonly exitStatus: number }> {
  const unchecked = new Map<string, Unchecked>();
  const impossible: AirplantError[] = [];
  for (const target of job.checking.buildMissing ? [] : targets) {
    const error = checkImpossible(target, job.store);
    if (!error) continue;
    const failure = failureOf(error, target.drvPath);
    unchecked.set(target.drvPath, { status: statusOf(error), error: failure });
    emit(failedEvent(target.drvPath, failure));
    impossible.push(error);
  }
  const rest = targets.filter(({ drvPath }) => !unchecked.has(drvPath));
  if (rest.length === 0) return { unchecked, exitStatus: exitStatusOf(impossible) };
  const needs = rest.map((target) => needed(target, job.checking));
  const { results, exitStatus } = await buildWanted(
    { ...job, wanted: async () => needs.flat() },
    unasked(emit),
  );
  let first = 0;
  for (const [index, { drvPath }] of rest.entries()) {
    const end = first + needs[index]!.length;
    const why = failureAmong(results.slice(first, end), drvPath);
    first = end;
    if (why) unchecked.set(drvPath, why);
  }
  return { unchecked, exitStatus: combineExitStatus(exitStatusOf(impossible), exitStatus) };
}

/** In Nix's words: why a derivation cannot be compared with what is in the store. */
function checkImpossible({ drvPath, derivation }: Target, store: LocalStore): AirplantError | undefined {
  const paths = Object.entries(outputPaths(drvPath, derivation));
  const missing = paths.flatMap(([name, path]) => (store.isValid(path) ? [] : [name]));
  return missing.length === 0 ? undefined : notValid(drvPath, missing);
}

/** The error for outputs, by name, that a check would have to compare with, and that are not there. */
export function notValid(drvPath: string, missing: readonly string[]): AirplantError {
  return new AirplantError(
    'ERR_CHECK_IMPOSSIBLE',
    `some outputs of '${drvPath}' are not valid, so checking is not possible`,
    { details: { drvPath, missing } },
  );
}

function needed({ drvPath, derivation }: Target, { buildMissing }: CheckOptions): Wanted[] {
  return [
    ...(buildMissing ? [{ kind: 'outputs', drvPath, outputs: 'all' } as const] : []),
    ...inputsOf(derivation),
  ];
}

/** `results`: of all that the check of a derivation needs. Its own failure is what it is, also in a check. */
function failureAmong(results: readonly BuildResult[], drvPath: string): Unchecked | undefined {
  const failures = results.flatMap(({ wanted, status, error }) => (error ? [{ wanted, status, error }] : []));
  const own = failures.find(({ wanted }) => wanted.kind === 'outputs' && wanted.drvPath === drvPath);
  if (own && own.status !== 'DependencyFailed') return own;
  const [failure] = failures;
  if (!failure) return undefined;
  const message = `'${drvPath}' was not checked: ${failure.error.message}`;
  const error = new AirplantError('ERR_DEPENDENCY_FAILED', message, { details: { drvPath } });
  return { status: statusOf(error), error: failureOf(error, drvPath) };
}
