import type { Step } from './schedule.js';

/**
 * By key: how many steps, one after the other, wait for this one in the longest of the chains above it; 0 for one that
 * nothing depends on. To start those with the longest chains first keeps one of them from being what is left over in the
 * end, when nothing else can run beside it. Steps come dependencies first; each edge is looked at once. Pure.
 */
export function waitingChains(steps: readonly Step[]): Map<string, number> {
  const lengths = new Map(steps.map(({ key }) => [key, 0]));
  // Dependants first: when its turn comes, the length of a step is final.
  for (const { key, dependsOn } of steps.toReversed()) {
    const below = lengths.get(key)! + 1;
    for (const dependency of dependsOn) {
      const known = lengths.get(dependency);
      if (known !== undefined && known < below) lengths.set(dependency, below);
    }
  }
  return lengths;
}
