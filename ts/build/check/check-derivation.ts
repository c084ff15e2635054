import { type AirplantError, isAirplantError } from '../../base/errors.js';
import { formatHash } from '../../formats/hash.js';
import type { HeldLocks, LocalStore } from '../../store/local-store.js';
import { afterBuild } from '../after-build.js';
import { claimOutputs } from '../claim.js';
import { failureOf } from '../outcome.js';
import { outputPaths } from '../output-paths.js';
import type { RealiseContext } from '../realise.js';
import { askDiffoscope } from './ask-diffoscope.js';
import type { Variation } from './causes/facts.js';
import { dropKept } from './keep-differing.js';
import type { Observation } from './observation.js';
import { compareOnOneProcessor } from './one-processor.js';
import { partlyVaried } from './partly-varied.js';
import { type RebuildJob, type Rebuilt, rebuild } from './rebuild.js';
import type { CheckedOutput, CheckOptions, CheckResult } from './records.js';
import { makeDifferenceReport } from './report.js';
import { unlessOutOfRoom } from './room-in-memory.js';
import { withoutClockFiles } from './still-clock.js';
import { notValid, type Target } from './targets.js';

export interface CheckContext extends RealiseContext {
  readonly checking: CheckOptions;
}

/** What checking found out; nothing of it is in the store but what was kept. */
export interface CheckFindings {
  readonly found: Pick<CheckResult, 'outputs' | 'rounds' | 'report'>;
  /** A fixed output, built as usual, is not what was promised. */
  readonly mismatch?: AirplantError | undefined;
}

/**
 * Builds a derivation again, as often as asked or until something differs, and compares all its outputs with the
 * valid ones, which are left alone: the story of `realise` with another ending. What differs is kept beside them. Where
 * builds are varied, a difference is followed by a plain repeat and one rebuild for each variation on its own.
 *
 * Throws ERR_CHECK_IMPOSSIBLE with Nix's message if an output is not valid, and what `makeOutputs` throws for a plain
 * repeat, unless something differed before: no failure takes a finding back.
 */
export async function checkDerivation(target: Target, context: CheckContext): Promise<CheckFindings> {
  const { drvPath, derivation } = target;
  const { store, slot, checking } = context;
  const paths = outputPaths(drvPath, derivation);
  await store.addTempRoot(drvPath, ...Object.values(paths));
  const locks = await claimValid(target, paths, context);
  try {
    await slot.take();
    const kept = new Map<string, string>();
    const rebuildOnce = (wished: readonly Variation[]) =>
      unlessOutOfRoom(wished, (varied) => tryRebuild({ ...target, varied, kept }, context));
    const found = await rebuildAll(checking, rebuildOnce);
    const rebuilt = await withoutClockFiles(found, target, context, rebuildOnce);
    // What was only different because of us.
    if (rebuilt.every(({ round }) => round.outcome === 'same')) kept.clear();
    const observations = await observationsOf(rebuilt, () => tryOnOneProcessor(target, context));
    const outputs = Object.entries(paths).map(([name, path]) => describe({ name, path, kept }, store));
    const rounds = rebuilt.map(({ round }) => round);
    for (const { path, kept } of outputs) if (kept === undefined) await dropKept(path, store);
    if (kept.size === 0) {
      // Not where one merely failed under a variation: that is a difference, too.
      if (rounds.some(({ outcome }) => outcome !== 'same')) return { found: { outputs, rounds } };
      await store.markUltimate(Object.values(paths), context);
      await afterBuild({ drvPath, outputs: paths }, context);
      return { found: { outputs, rounds } };
    }
    const said = await askDiffoscope(outputs, checking.diffoscope, context);
    const report = makeDifferenceReport(drvPath, observations, said);
    const usual = rebuilt.find(({ round, mismatch }) => mismatch && round.varied.length === 0);
    return { found: { outputs, rounds, report }, mismatch: usual?.mismatch };
  } finally {
    locks.release({ delete: true });
  }
}

/** The locks of the outputs, all of which are valid. */
async function claimValid(
  { drvPath }: Target,
  paths: Readonly<Record<string, string>>,
  context: CheckContext,
): Promise<HeldLocks> {
  const { locks, missing } = await claimOutputs({ drvPath, missing: Object.keys(paths) }, paths, context);
  if (missing.length === 0) return locks;
  locks.release({ delete: false });
  throw notValid(drvPath, missing);
}

async function rebuildAll(
  { rounds, vary }: CheckOptions,
  rebuildOnce: (varied: readonly Variation[]) => Promise<Rebuilt>,
): Promise<Rebuilt[]> {
  const rebuilt: Rebuilt[] = [];
  while (rebuilt.length < rounds) {
    const one = await rebuildOnce(vary);
    rebuilt.push(one);
    if (one.round.outcome === 'same') continue;
    if (vary.length === 0) break;
    rebuilt.push(await rebuildOnce([]));
    if (vary.length > 1) for (const variation of vary) rebuilt.push(await rebuildOnce([variation]));
    break;
  }
  return rebuilt;
}

/** With what tells races from what is random, if the build is different each time and processors are to be varied. */
async function observationsOf(
  rebuilt: readonly Rebuilt[],
  onOneProcessor: () => Promise<Observation | undefined>,
): Promise<Observation[]> {
  const all = rebuilt.flatMap(({ observation }) => observation ?? []);
  // The namer takes the first for the usual one.
  const together = all.filter(({ variation }) => variation === 'together');
  const observations = all.filter(({ variation }) => variation !== 'together');
  const differs = (variation: Variation) =>
    observations.some((one) => one.variation === variation && one.differences.length > 0);
  const variesProcessors = rebuilt.some(({ round }) => round.varied.includes('cores'));
  const more = differs('none') && variesProcessors ? await onOneProcessor() : undefined;
  return [...observations, ...(more ? [more] : []), ...together];
}

/** Undefined, with a warning, if it fails there: what is known already is worth more than knowing more. */
async function tryOnOneProcessor(target: Target, context: CheckContext): Promise<Observation | undefined> {
  try {
    return await compareOnOneProcessor(target, context);
  } catch (error) {
    if (context.signal.aborted || !isAirplantError(error)) throw error;
    const message = `'${target.drvPath}' was not compared on one processor: ${error.message}`;
    context.emit({ type: 'warning', message });
    return undefined;
  }
}

/** That a build fails is a finding where something is varied, and after a difference: like that one. */
async function tryRebuild(job: RebuildJob, context: CheckContext): Promise<Rebuilt> {
  const startTime = Math.floor(Date.now() / 1000);
  try {
    return await rebuild(job, context);
  } catch (error) {
    const found = job.varied.length > 0 || job.kept.size > 0;
    if (!found || context.signal.aborted || !isAirplantError(error)) throw error;
    const stopTime = Math.floor(Date.now() / 1000);
    const failure = failureOf(error, job.drvPath);
    const { varied } = job;
    const conditions = { varied, notVaried: [], partlyVaried: partlyVaried({ varied, notVaried: [] }) };
    return {
      round: { ...conditions, outcome: 'failed', differing: [], failure, startTime, stopTime },
    };
  }
}

function describe(
  {
    name,
    path,
    kept,
  }: { readonly name: string; readonly path: string; readonly kept: ReadonlyMap<string, string> },
  store: LocalStore,
): CheckedOutput {
  const output = { name, path, narHash: formatHash(store.pathInfo(path).narHash, 'sri') };
  const other = kept.get(name);
  return other === undefined ? output : { ...output, kept: other };
}
