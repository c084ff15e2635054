import type { Variation } from './causes/facts.js';
import type { NotVaried, PartlyVaried } from './records.js';

/** Which variations of a round cannot reach every program. Pure. */
export function partlyVaried({
  varied,
  notVaried,
}: {
  readonly varied: readonly Variation[];
  readonly notVaried: readonly NotVaried[];
}): PartlyVaried[] {
  if (!varied.includes('later-day') || notVaried.some(({ variation }) => variation === 'later-day'))
    return [];
  return [{ variation: 'later-day', what: 'changes the clock of dynamically linked programs only' }];
}
