import { AirplantError, isAirplantError } from '../../base/errors.js';
import type { EventSink } from '../../base/events.js';
import { compareText } from '../../base/text.js';
import type { LocalStore } from '../../store/local-store.js';
import { makeMissing } from '../approach.js';
import type { BuildJob } from '../builder.js';
import type { EventRun } from '../event-run.js';
import { featuresUsed } from '../feature-limits.js';
import { type JobSlot, requireJobs } from '../job-slot.js';
import { combineExitStatus, exitStatusOf, failedEvent, failureOf, statusOf } from '../outcome.js';
import { schedule } from '../schedule.js';
import { type CheckContext, type CheckFindings, checkDerivation } from './check-derivation.js';
import { diffHookProblem } from './diff-hook.js';
import type { CheckOptions, CheckResult, CheckRound } from './records.js';
import { prepareTargets, type Target, targetsOf } from './targets.js';

export type CheckRun = EventRun<CheckReport>;

export interface CheckReport {
  /** One result for each derivation, in the order asked for. */
  readonly results: readonly CheckResult[];
  /** What the process should exit with: 0, 104 if something differs, another of Nix's 100 family, or 1. */
  readonly exitStatus: number;
}

export interface CheckJob extends BuildJob {
  readonly checking: CheckOptions;
}

/**
 * Checks what is wanted: each derivation is built again, and all its outputs are compared with those in the store. A
 * store path stands for the derivation that made it. Whatever the rebuilds need is built first.
 *
 * Throws ERR_PATH_INVALID for a path that nothing known makes, ERR_NO_JOBS, and the signal's reason.
 */
export async function checkAll(job: CheckJob, emit: EventSink): Promise<CheckReport> {
  const { store, signal } = job;
  const targets = targetsOf(await job.wanted(), store);
  const { unchecked, exitStatus } = await prepareTargets(targets, job, emit);
  const began = Date.now();
  const results = new Map<string, CheckResult>();
  for (const [drvPath, why] of unchecked) results.set(drvPath, { drvPath, outputs: [], rounds: [], ...why });
  const found: unknown[] = [];
  const steps = targets.filter(({ drvPath }) => !unchecked.has(drvPath));
  if (steps.length > 0) {
    const { options, executor } = await job.engine();
    requireJobs(options.maxJobs);
    const problem = options.diffHook === undefined ? undefined : diffHookProblem(options.diffHook);
    if (problem !== undefined) emit({ type: 'warning', message: problem });
    const { maxJobs, featureLimits: limits, keepGoing } = options;
    const approach = makeMissing(store);
    const context = { store, approach, options, executor, emit, checking: job.checking };
    const byPath = new Map(steps.map((target) => [target.drvPath, target]));
    const work = {
      async run(drvPath: string, { signal, slot }: { signal: AbortSignal; slot: JobSlot }) {
        const target = byPath.get(drvPath)!;
        const { result, error } = await checkOne(target, { ...context, signal, slot });
        results.set(drvPath, result);
        if (error !== undefined) found.push(error);
        // A difference is a finding, and no reason to leave the rest unchecked.
        return error === undefined || isAirplantError(error, 'ERR_NOT_DETERMINISTIC');
      },
      skip(drvPath: string) {
        results.set(drvPath, failed(byPath.get(drvPath)!, stopped(drvPath)));
      },
    };
    const keys = steps.map(({ drvPath, derivation }) => ({
      key: drvPath,
      dependsOn: [],
      uses: featuresUsed(derivation),
    }));
    await schedule(keys, work, { maxJobs, limits, keepGoing, signal });
  }
  const ordered = targets.map(({ drvPath }) => results.get(drvPath)!);
  const wantedFailed = failedAmong(ordered, signal);
  emit({ type: 'check.finished', ...counts(ordered), wantedFailed, milliseconds: Date.now() - began });
  signal.throwIfAborted();
  return { results: ordered, exitStatus: combineExitStatus(exitStatus, exitStatusOf(found)) };
}

async function checkOne(
  target: Target,
  context: CheckContext,
): Promise<{ readonly result: CheckResult; readonly error?: unknown }> {
  const { drvPath } = target;
  const { store, emit, signal } = context;
  const began = Date.now();
  try {
    const { found, mismatch } = await checkDerivation(target, context);
    const error = mismatch ?? notDeterministic(drvPath, found, store);
    if (!error) {
      emit({ type: 'check.same', drvPath, milliseconds: Date.now() - began });
      return { result: { drvPath, status: 'Same', ...found } };
    }
    emit(failedEvent(drvPath, failureOf(error, drvPath)));
    return { result: { ...failed(target, error), ...found }, error };
  } catch (cause) {
    // Whatever breaks off when it is told to stop has not failed.
    const cancelled = signal.aborted && (!isAirplantError(cause) || cause.code === 'ERR_ABORTED');
    const error = cancelled ? stopped(drvPath, cause) : cause;
    emit(cancelled ? { type: 'build.cancelled', drvPath } : failedEvent(drvPath, failureOf(error, drvPath)));
    return { result: failed(target, error), error };
  }
}

/** In Nix's words, which name files on the host: a line for each output that differs, and for what made the build fail. */
function notDeterministic(
  drvPath: string,
  { outputs, rounds }: CheckFindings['found'],
  store: LocalStore,
): AirplantError | undefined {
  const may = `derivation '${drvPath}' may not be deterministic:`;
  const differing = outputs.flatMap(({ path, kept }) =>
    kept === undefined
      ? []
      : `${may} output '${store.realPath(path)}' differs from '${store.realPath(kept)}'`,
  );
  const failures = rounds.filter(({ outcome }) => outcome === 'failed');
  const single = failures.filter(({ varied }) => varied.length < 2);
  const failing = (single.length > 0 ? single : failures).map(
    ({ varied, failure }) => `${may} ${conditions(varied)} it fails: ${failure!.message}${roomNote(varied)}`,
  );
  const lines = [...differing, ...failing];
  if (lines.length === 0) return undefined;
  return new AirplantError('ERR_NOT_DETERMINISTIC', lines.join('\n'), { details: { drvPath } });
}

function conditions(varied: CheckRound['varied']): string {
  return varied.length === 0 ? 'built once more' : `with another ${varied.join(', ')}`;
}

/** A build that needs much room must not be put down to the order of directories. */
function roomNote(varied: CheckRound['varied']): string {
  const note =
    'note: for another directory-order its build directory is in memory, and may have half of that';
  return varied.includes('directory-order') ? `\n${note}` : '';
}

function failed({ drvPath }: Target, error: unknown): CheckResult {
  return { drvPath, status: statusOf(error), outputs: [], rounds: [], error: failureOf(error, drvPath) };
}

function stopped(drvPath: string, cause?: unknown): AirplantError {
  return new AirplantError('ERR_ABORTED', `'${drvPath}' was not checked: the check was stopped`, { cause });
}

/** As `wantedFailed` of a build: what differs has failed, in Nix, and what the caller stops has not. */
function failedAmong(results: readonly CheckResult[], signal: AbortSignal): string[] {
  const failed = results.filter(
    ({ status }) => status !== 'Same' && !(signal.aborted && status === 'Cancelled'),
  );
  return failed.map(({ drvPath }) => drvPath).sort(compareText);
}

function counts(results: readonly CheckResult[]): { same: number; differing: number; failed: number } {
  const same = results.filter(({ status }) => status === 'Same').length;
  const differing = results.filter(({ status }) => status === 'NotDeterministic').length;
  return { same, differing, failed: results.length - same - differing };
}
