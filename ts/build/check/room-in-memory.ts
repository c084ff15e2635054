import type { Variation } from './causes/facts.js';
import type { Rebuilt } from './rebuild.js';
import type { CheckRound } from './records.js';

/**
 * A rebuild, and where the build directory for another directory-order, which is in memory, had no room left for it, the
 * same without that: to need much room is no difference. The round says so.
 */
export async function unlessOutOfRoom(
  varied: readonly Variation[],
  rebuildOnce: (varied: readonly Variation[]) => Promise<Rebuilt>,
): Promise<Rebuilt> {
  const tried = await rebuildOnce(varied);
  if (!varied.includes('directory-order') || !ranOutOfRoom(tried.round)) return tried;
  const { round, ...rest } = await rebuildOnce(varied.filter((variation) => variation !== 'directory-order'));
  const notVaried = [...round.notVaried, { variation: 'directory-order', why } as const];
  return { ...rest, round: { ...round, varied, notVaried } };
}

const why = 'the memory that its build directory may have for that, half of the machine, was not enough';

/** What C libraries and interpreters say for ENOSPC, or our own set-up of what it copies. */
function ranOutOfRoom({ outcome, failure }: CheckRound): boolean {
  if (outcome !== 'failed' || !failure) return false;
  const said = failure.lastLines ?? [];
  return /ENOSPC/.test(failure.message) || said.some((line) => /no space left on device|ENOSPC/i.test(line));
}
