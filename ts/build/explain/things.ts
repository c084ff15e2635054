import { posix } from 'node:path';
import type { Tried } from './attempt-log.js';
import { classify, isFoundElsewhere, type Miss, type Surroundings } from './classify.js';
import { isNoise } from './noise.js';

/** All attempts to reach one thing. */
export interface Thing extends Miss {
  /** In the order of the last time. */
  readonly attempts: readonly Tried[];
  readonly last: number;
  readonly noise: boolean;
}

/** What was missed, thing by thing. What was found in the end is not among it. */
export function collectThings(tried: readonly Tried[], surroundings: Surroundings): Thing[] {
  const succeeded = tried.filter(({ errno }) => errno === 0);
  const reached = new Set(succeeded.map(({ path }) => path));
  const names = new Set(succeeded.map(({ path }) => posix.basename(path)));
  const things = new Map<string, { miss: Miss; attempts: Tried[] }>();
  for (const one of tried) {
    const miss = classify(one, surroundings);
    // What was made, or found, in another attempt was not missing.
    const found = one.missing === undefined && one.intent !== 'connect' && reached.has(one.path);
    if (!miss || found || isFoundElsewhere(miss, names)) continue;
    const key = `${miss.kind} ${miss.name}`;
    const thing = things.get(key) ?? { miss, attempts: [] };
    thing.attempts.push(one);
    things.set(key, thing);
  }
  return [...things.values()].map(({ miss, attempts }) => ({
    ...miss,
    attempts,
    last: attempts.at(-1)!.last,
    noise: attempts.every(({ path }) => isNoise(path)),
  }));
}
