import { isAirplantError } from '../../base/errors.js';
import { sameHash } from '../../formats/hash.js';
import type { Variation } from './causes/facts.js';
import type { CheckContext } from './check-derivation.js';
import type { Observation } from './observation.js';
import type { Rebuilt } from './rebuild.js';
import { compareBuilds } from './two-builds.js';
import type { VariedJob } from './varied-build.js';

/**
 * Takes out of what was found what comes not from another day, but from the files of the clock that is preloaded for it:
 * a builder may list them. Where the build on another day is unlike what is in the store, a control has the same files and
 * a clock that tells the time of day. If that is unlike it as well, the build on another day is compared with the control
 * instead, and one with all other variations takes the place of the build with all.
 *
 * `rebuilt` holds a build for each variation on its own. Throws what `makeOutputs` throws of things other than the build.
 */
export async function withoutClockFiles(
  rebuilt: readonly Rebuilt[],
  build: Pick<VariedJob, 'drvPath' | 'derivation'>,
  context: CheckContext,
  rebuildOnce: (varied: readonly Variation[]) => Promise<Rebuilt>,
): Promise<Rebuilt[]> {
  const later = rebuilt.find(({ round }) => round.varied.join() === 'later-day');
  if (!later || later.round.outcome === 'same' || later.round.notVaried.length > 0) return [...rebuilt];
  const seen = await compareWithControl(later, build, context);
  if (seen === 'nothing') return [...rebuilt];
  const corrected = discounted(later, seen);
  const isSound = corrected.round.outcome === 'same';
  const others = rebuilt.flatMap((one) => {
    if (one === later) return [corrected];
    const { varied, outcome } = one.round;
    if (varied.length < 2 || outcome === 'same') return [one];
    // What differs in it may be the files. If something else differs, too, that is when it was found.
    return isSound ? [] : [{ round: one.round }];
  });
  const rest = context.checking.vary.filter((variation) => variation !== 'later-day');
  return rest.length < 2 ? others : [...others, await rebuildOnce(rest)];
}

/**
 * How the build on another day compares with the control. `nothing`: the files make no difference, or it cannot be told;
 * `files`: they are the reason why the build fails.
 */
async function compareWithControl(
  later: Rebuilt,
  build: Pick<VariedJob, 'drvPath' | 'derivation'>,
  context: CheckContext,
): Promise<Observation | 'nothing' | 'files'> {
  const { store, signal } = context;
  const laterDay = { ...build, varied: ['later-day'] } as const;
  let controlFails = true;
  try {
    const compared = await compareBuilds(
      [{ ...laterDay, stillClock: true }, laterDay],
      context,
      ({ settled }) => {
        controlFails = false;
        return !settled.outputs.every(({ path, narHash }) => sameHash(store.pathInfo(path).narHash, narHash));
      },
    );
    return compared ? { variation: 'later-day', ...compared } : 'nothing';
  } catch (error) {
    if (signal.aborted || !isAirplantError(error)) throw error;
    return controlFails && later.round.outcome === 'failed' ? 'files' : 'nothing';
  }
}

function discounted({ round, ...rest }: Rebuilt, seen: Observation | 'files'): Rebuilt {
  if (seen !== 'files' && seen.differences.length > 0) return { ...rest, round, observation: seen };
  const { failure: _, ...others } = round;
  const why = 'the builder sees the files of the preloaded clock, and does the same whatever that says';
  const notVaried = [{ variation: 'later-day', why }] as const;
  return { round: { ...others, outcome: 'same', differing: [], notVaried, partlyVaried: [] } };
}
