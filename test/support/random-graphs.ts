import fc from 'fast-check';
import type { Step } from '../../ts/build/schedule.js';

/** Graphs of up to `most` steps, dependencies first; keys tell nothing of the order. */
export function randomSteps(most: number): fc.Arbitrary<Step[]> {
  const node = fc.record({
    needs: fc.uniqueArray(fc.nat(most - 1), { maxLength: 4 }),
    uses: fc.subarray(['kvm', 'big-parallel']),
  });
  return fc.array(node, { minLength: 1, maxLength: most }).map((nodes) =>
    nodes.map(({ needs, uses }, index) => ({
      key: keyOf(index),
      dependsOn: needs.filter((other) => other < index).map(keyOf),
      uses,
    })),
  );
}

function keyOf(index: number): string {
  return `${(index * 7) % 64}-${index}`;
}
