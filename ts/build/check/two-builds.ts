import { native } from '../../native.js';
import type { CheckContext } from './check-derivation.js';
import type { Observation } from './observation.js';
import { compareOutputs } from './observe.js';
import { makeVaried, type VariedBuild, type VariedJob } from './varied-build.js';

/**
 * Builds a derivation twice more, each time under conditions of its own, and compares the two. The second is left out, and
 * nothing given, if the first is not wanted. The caller holds the locks of the outputs.
 *
 * Throws what `makeOutputs` and `compareOutputs` throw.
 */
export async function compareBuilds(
  [a, b]: readonly [VariedJob, VariedJob],
  context: CheckContext,
  isWanted: (first: VariedBuild) => boolean = () => true,
): Promise<Pick<Observation, 'a' | 'b' | 'differences' | 'more'> | undefined> {
  const { store, signal } = context;
  const first = new Map<string, string>();
  try {
    const facts = await makeFirst(a, context, first, isWanted);
    if (!facts) return undefined;
    await using made = await makeVaried(b, context);
    signal.throwIfAborted();
    const pairs = made.settled.outputs.map(({ name, source }) => ({ name, a: first.get(name)!, b: source }));
    const compared = await compareOutputs(pairs, { signal, caseHack: store.caseHack });
    return { a: facts, b: made.facts, ...compared };
  } finally {
    for (const path of first.values()) await native.removeTree(path);
  }
}

/** Puts the outputs beside those in the store, noted in `first` by name, and gives what is known of the build. */
async function makeFirst(
  job: VariedJob,
  context: CheckContext,
  first: Map<string, string>,
  isWanted: (made: VariedBuild) => boolean,
) {
  await using made = await makeVaried(job, context);
  context.signal.throwIfAborted();
  if (!isWanted(made)) return undefined;
  for (const { name, path, source } of made.settled.outputs) {
    // Not valid, as what is kept: should we be killed, a collection of garbage removes it.
    const aside = `${context.store.realPath(path)}.check-first`;
    await native.removeTree(aside);
    first.set(name, aside);
    native.moveTree(source, aside, 'no-replace');
  }
  return made.facts;
}
