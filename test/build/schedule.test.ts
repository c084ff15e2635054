import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type Step, schedule } from '../../ts/build/schedule.js';

const never = new AbortController().signal;

/** Runs steps with random lengths; records the order, the most at once, and what was skipped. */
async function run(
  steps: readonly Step[],
  options: { maxJobs: number; keepGoing?: boolean; bad?: readonly string[]; signal?: AbortSignal },
) {
  const started: string[] = [];
  const finished: string[] = [];
  const skipped = new Map<string, string | undefined>();
  let running = 0;
  let mostRunning = 0;
  const work = {
    async run(key: string): Promise<boolean> {
      started.push(key);
      mostRunning = Math.max(mostRunning, ++running);
      await sleep(Math.random() * 2);
      running--;
      finished.push(key);
      return !options.bad?.includes(key);
    },
    skip: (key: string, dependency: string | undefined) => void skipped.set(key, dependency),
  };
  const { maxJobs, keepGoing = false, signal = never } = options;
  await schedule(steps, work, { maxJobs, keepGoing, signal });
  return { started, finished, skipped, mostRunning };
}

const step = (key: string, ...dependsOn: string[]): Step => ({ key, dependsOn });

test('never more than max-jobs at once, and dependencies are done before a step starts', async () => {
  const graph = fc.array(fc.uniqueArray(fc.nat(12), { maxLength: 4 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(graph, fc.integer({ min: 1, max: 4 }), async (edges, maxJobs) => {
      const steps = edges.map((targets, node) =>
        step(`${node}`, ...targets.filter((t) => t < node).map(String)),
      );
      const order: string[] = [];
      const work = {
        async run(key: string) {
          for (const dependency of steps[Number(key)]!.dependsOn) assert.ok(order.includes(dependency));
          await sleep(0);
          order.push(key);
          return true;
        },
        skip: () => assert.fail('nothing fails here'),
      };
      await schedule(steps, work, { maxJobs, keepGoing: false, signal: never });
      assert.equal(order.length, steps.length);
    }),
    { numRuns: 50 },
  );
  const { mostRunning } = await run(
    Array.from({ length: 12 }, (_, i) => step(`${i}`)),
    { maxJobs: 3 },
  );
  assert.equal(mostRunning, 3);
});

test('the first failure stops what has not started', async () => {
  const { started, skipped } = await run([step('a'), step('b'), step('c')], { maxJobs: 1, bad: ['a'] });
  assert.deepEqual(started, ['a']);
  assert.deepEqual([...skipped.keys()], ['b', 'c']);
});

test('with keep-going only what depends on the failure is left out', async () => {
  const steps = [step('a'), step('b', 'a'), step('c'), step('d', 'b', 'c')];
  const { started, skipped } = await run(steps, { maxJobs: 1, keepGoing: true, bad: ['a'] });
  assert.deepEqual(started, ['a', 'c']);
  assert.deepEqual(
    [...skipped],
    [
      ['b', 'a'],
      ['d', 'b'],
    ],
  );
});

test('an abort tells the running steps and starts no others', async () => {
  const controller = new AbortController();
  const skipped: string[] = [];
  const work = {
    run: async (_key: string, { signal }: { signal: AbortSignal }) => {
      controller.abort();
      return !signal.aborted;
    },
    skip: (key: string) => void skipped.push(key),
  };
  await schedule([step('a'), step('b')], work, { maxJobs: 1, keepGoing: false, signal: controller.signal });
  assert.deepEqual(skipped, ['b']);
});
