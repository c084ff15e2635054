import type { CheckContext } from './check-derivation.js';
import type { Observation } from './observation.js';
import { compareBuilds } from './two-builds.js';
import type { VariedJob } from './varied-build.js';

/**
 * Builds a derivation twice on one processor and compares the two: what differs each time, but not then, comes from
 * threads that race. The caller holds the locks of the outputs.
 *
 * Throws what `compareBuilds` throws.
 */
export async function compareOnOneProcessor(
  build: Pick<VariedJob, 'drvPath' | 'derivation'>,
  context: CheckContext,
): Promise<Observation> {
  const job = { ...build, varied: ['cores'] } as const;
  const compared = await compareBuilds([job, job], context);
  return { variation: 'none', ...compared! };
}
