import type { AirplantError } from '../../base/errors.js';
import { sameHash } from '../../formats/hash.js';
import type { SettledOutput } from '../records.js';
import type { CheckContext } from './check-derivation.js';
import { runDiffHook } from './diff-hook.js';
import { keepDiffering } from './keep-differing.js';
import type { Observation } from './observation.js';
import { compareOutputs } from './observe.js';
import { partlyVaried } from './partly-varied.js';
import type { CheckRound } from './records.js';
import { makeVaried, type VariedJob } from './varied-build.js';

export interface RebuildJob extends VariedJob {
  /** Where what differed before is kept, by output name; what differs now is kept and noted unless that is so. */
  readonly kept: Map<string, string>;
}

export interface Rebuilt {
  readonly round: CheckRound;
  /** All that differs. Absent where several things were varied together and nothing does. */
  readonly observation?: Observation;
  /** A fixed output is not what was promised. */
  readonly mismatch?: AirplantError;
}

/**
 * Builds a derivation once more and compares its outputs with the valid ones, whose locks the caller holds.
 *
 * Throws what `makeOutputs` and `compareOutputs` throw.
 */
export async function rebuild(job: RebuildJob, context: CheckContext): Promise<Rebuilt> {
  const { derivation, varied } = job;
  const { store, signal } = context;
  await using made = await makeVaried(job, context);
  signal.throwIfAborted();
  const names = [...derivation.outputs.keys()];
  const differing = made.settled.outputs
    .filter(({ path, narHash }) => !sameHash(store.pathInfo(path).narHash, narHash))
    .sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  const pairs = [];
  for (const output of differing) {
    const a = store.realPath(output.path);
    pairs.push({ name: output.name, a, b: await keepOnce(output, job, context) });
  }
  const round: CheckRound = {
    varied,
    notVaried: made.notVaried,
    partlyVaried: partlyVaried({ varied, notVaried: made.notVaried }),
    outcome: differing.length > 0 ? 'differs' : 'same',
    differing: differing.map(({ name }) => name),
    startTime: made.attempt.startedAt,
    stopTime: made.attempt.stoppedAt,
  };
  const without = new Set(made.notVaried.map(({ variation }) => variation));
  const really = varied.filter((variation) => !without.has(variation));
  if (really.length > 1 && differing.length === 0) return { round };
  const compared = await compareOutputs(pairs, { signal, caseHack: store.caseHack });
  const variation =
    really.length > 1
      ? { variation: 'together' as const, varied: really }
      : { variation: really[0] ?? 'none' };
  const observation = { ...variation, a: made.usualFacts, b: made.facts, ...compared };
  const [mismatch] = differing.flatMap((output) => output.mismatch ?? []);
  if (!mismatch) return { round, observation };
  // Last, as what was compared may lie among what is put aside.
  return { round, observation, mismatch: await made.refuse(mismatch) };
}

/** Host path of what was made: where it lies, or where it is kept from now on. */
async function keepOnce(
  output: SettledOutput,
  { drvPath, kept }: RebuildJob,
  context: CheckContext,
): Promise<string> {
  const { store, options, emit, signal } = context;
  if (kept.has(output.name)) return output.source;
  const path = await keepDiffering(output, store);
  kept.set(output.name, path);
  const [registered, made] = [store.realPath(output.path), store.realPath(path)];
  if (options.diffHook === undefined) return made;
  const told = await runDiffHook(options.diffHook, { registered, made, drvPath, signal });
  if (told.text !== '') emit({ type: 'check.diff', drvPath, path: output.path, text: told.text });
  // As in Nix: what the hook thinks of it changes nothing.
  if (told.failure !== undefined) emit({ type: 'warning', message: told.failure });
  return made;
}
