import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { waitingChains } from '../../ts/build/critical-path.js';
import type { Step } from '../../ts/build/schedule.js';
import { randomSteps } from '../support/random-graphs.js';

/** By walking every chain there is. */
function longestByWalking(steps: readonly Step[], key: string): number {
  const above = steps.filter(({ dependsOn }) => dependsOn.includes(key));
  return Math.max(0, ...above.map((step) => 1 + longestByWalking(steps, step.key)));
}

test('the longest chain of steps that wait is what walking all of them finds', () => {
  fc.assert(
    fc.property(randomSteps(14), (steps) => {
      for (const [key, length] of waitingChains(steps)) {
        assert.equal(length, longestByWalking(steps, key));
      }
    }),
  );
});

test('each dependency is looked at once, however many paths lead to it', () => {
  // A ladder of 2,000 rungs has 2^2000 chains.
  let looks = 0;
  const steps = Array.from({ length: 4000 }, (_, index): Step => {
    const rung = index >> 1;
    const below = rung === 0 ? [] : [`${rung - 1}a`, `${rung - 1}b`];
    return {
      key: `${rung}${index % 2 === 0 ? 'a' : 'b'}`,
      get dependsOn() {
        looks++;
        return below;
      },
    };
  });
  assert.equal(waitingChains(steps).get('0a'), 1999);
  assert.equal(looks, steps.length);
});

test('what is no step of the graph has no place in it', () => {
  assert.deepEqual([...waitingChains([{ key: 'a', dependsOn: ['valid already'] }])], [['a', 0]]);
});
