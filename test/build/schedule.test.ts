import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { Deferred } from '../../ts/base/deferred.js';
import { waitingChains } from '../../ts/build/critical-path.js';
import { type ScheduleOptions, type Step, schedule } from '../../ts/build/schedule.js';
import { randomSteps } from '../support/random-graphs.js';
import { longForm } from '../support/requires.js';

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

/** What runs side by side, where every step takes as long as any other; without a failure. */
async function roundsOf(
  steps: readonly Step[],
  options: Pick<ScheduleOptions, 'maxJobs' | 'limits'>,
): Promise<string[][]> {
  const rounds: string[][] = [];
  const running = new Map<string, Deferred<boolean>>();
  const work = {
    run(key: string): Promise<boolean> {
      const end = new Deferred<boolean>();
      running.set(key, end);
      return end.promise;
    },
    skip: () => assert.fail('nothing fails here'),
  };
  let over = false;
  const all = schedule(steps, work, { ...options, keepGoing: false, signal: never }).finally(() => {
    over = true;
  });
  while (!over) {
    await turn();
    if (running.size === 0) continue;
    rounds.push([...running.keys()]);
    const ends = [...running.values()];
    running.clear();
    for (const { resolve } of ends) resolve(true);
  }
  await all;
  return rounds;
}

/** What starts at first, and whenever one has ended. They end one by one, in the order in which they were started. */
async function startsOf(
  steps: readonly Step[],
  options: Pick<ScheduleOptions, 'maxJobs'>,
): Promise<{ ended: string | undefined; started: string[] }[]> {
  const starts: { ended: string | undefined; started: string[] }[] = [];
  const running: { key: string; end: Deferred<boolean> }[] = [];
  let started: string[] = [];
  const work = {
    run(key: string): Promise<boolean> {
      const end = new Deferred<boolean>();
      running.push({ key, end });
      started.push(key);
      return end.promise;
    },
    skip: () => assert.fail('nothing fails here'),
  };
  const all = schedule(steps, work, { ...options, keepGoing: false, signal: never });
  let ended: string | undefined;
  do {
    await turn();
    starts.push({ ended, started });
    started = [];
    const first = running.shift();
    ended = first?.key;
    first?.end.resolve(true);
  } while (ended !== undefined);
  await all;
  return starts;
}

test('the longest chain starts first, so that the whole takes fewer rounds than in the order given', async () => {
  const leaves = ['l1', 'l2', 'l3', 'l4'].map((key) => step(key));
  const chain = [step('c1'), step('c2', 'c1'), step('c3', 'c2')];
  // In the order given: l1 l2, l3 l4, c1, c2, c3.
  assert.deepEqual(await roundsOf([...leaves, ...chain], { maxJobs: 2 }), [
    ['c1', 'l1'],
    ['c2', 'l2'],
    ['l3', 'l4'],
    ['c3'],
  ]);
});

test('what becomes ready goes before what was ready and has a shorter chain', async () => {
  const steps = [
    step('base'),
    step('leaf'),
    step('long1', 'base'),
    step('long2', 'long1'),
    step('short', 'base'),
  ];
  const rounds = await roundsOf(steps, { maxJobs: 1 });
  assert.deepEqual(rounds.flat(), ['base', 'long1', 'leaf', 'long2', 'short']);
});

test('whenever there is a slot, the ready step with the longest chain gets it, in the same way each time', async () => {
  await fc.assert(
    fc.asyncProperty(randomSteps(24), fc.integer({ min: 1, max: 4 }), async (steps, maxJobs) => {
      const lengths = waitingChains(steps);
      const starts = await startsOf(steps, { maxJobs });
      assert.deepEqual(await startsOf(steps, { maxJobs }), starts);
      const [begun, done] = [new Set<string>(), new Set<string>()];
      for (const { ended, started } of starts) {
        if (ended !== undefined) done.add(ended);
        const ready = steps.filter(
          ({ key, dependsOn }) => !begun.has(key) && dependsOn.every((dependency) => done.has(dependency)),
        );
        // A sort that keeps equals in their order.
        ready.sort((a, b) => lengths.get(b.key)! - lengths.get(a.key)!);
        const best = ready.slice(0, maxJobs - (begun.size - done.size)).map(({ key }) => key);
        assert.deepEqual(started.toSorted(), best.toSorted());
        for (const key of started) begun.add(key);
      }
      assert.equal(begun.size, steps.length);
    }),
    { numRuns: 100 },
  );
});

test('never more at once than a resource allows, and everything gets its turn', async () => {
  const limits = new Map([
    ['kvm', 1],
    ['big-parallel', 2],
  ]);
  await fc.assert(
    fc.asyncProperty(randomSteps(24), fc.integer({ min: 1, max: 4 }), async (steps, maxJobs) => {
      const rounds = await roundsOf(steps, { maxJobs, limits });
      assert.equal(rounds.flat().length, steps.length);
      for (const round of rounds) {
        assert.ok(round.length <= maxJobs);
        for (const [resource, most] of limits) {
          const using = steps.filter(({ key, uses }) => round.includes(key) && uses?.includes(resource));
          assert.ok(using.length <= most, `${using.length} use ${resource}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('a build that waits for a resource leaves its slot to others', async () => {
  const uses = ['kvm'];
  const steps = [{ ...step('vm1'), uses }, { ...step('vm2'), uses }, step('light1'), step('light2')];
  assert.deepEqual(await roundsOf(steps, { maxJobs: 2, limits: new Map([['kvm', 1]]) }), [
    ['vm1', 'light1'],
    ['vm2', 'light2'],
  ]);
});

test('stopped at any moment, every step has run or been skipped, nothing runs on and every slot is back', async () => {
  const plan = fc.record({
    steps: randomSteps(16),
    maxJobs: fc.integer({ min: 1, max: 3 }),
    keepGoing: fc.boolean(),
    /** When the run is stopped from outside, counted in things that happen. */
    stopAt: fc.nat(80),
    /** What each run does, in turn: how often it gives its slot back and takes it again, and how it ends. */
    ways: fc.array(fc.record({ pauses: fc.nat(2), good: fc.boolean(), deaf: fc.boolean() }), {
      minLength: 1,
      maxLength: 8,
    }),
  });
  const limits = new Map([['kvm', 1]]);
  await fc.assert(
    fc.asyncProperty(plan, async ({ steps, maxJobs, keepGoing, stopAt, ways }) => {
      const controller = new AbortController();
      let happened = 0;
      const tick = async () => {
        if (happened++ === stopAt) controller.abort(new Error('stopped by the test'));
        await turn();
        if (happened++ === stopAt) controller.abort(new Error('stopped by the test'));
      };
      const ran: string[] = [];
      const skipped: string[] = [];
      const running = new Set<string>();
      const holding = new Set<string>();
      const hold = (key: string, uses: readonly string[]) => {
        holding.add(key);
        assert.ok(holding.size <= maxJobs, 'more slots are held than there are');
        const others = steps.filter((other) => holding.has(other.key) && other.uses?.includes('kvm'));
        if (uses.includes('kvm')) assert.equal(others.length, 1, 'two hold kvm');
      };
      const work: Parameters<typeof schedule>[1] = {
        async run(key, { signal, slot }) {
          assert.ok(!signal.aborted, 'started after the end');
          const way = ways[ran.length % ways.length]!;
          const uses = steps.find((one) => one.key === key)!.uses!;
          ran.push(key);
          running.add(key);
          hold(key, uses);
          let good = way.good;
          for (let pause = 0; pause < way.pauses; pause++) {
            await tick();
            holding.delete(key);
            slot.giveBack();
            await tick();
            try {
              if (!slot.tryTake()) await slot.take();
            } catch (error) {
              assert.equal(error, signal.reason);
              good = false;
              break;
            }
            hold(key, uses);
          }
          await tick();
          if (!way.deaf && signal.aborted) good = false;
          running.delete(key);
          holding.delete(key);
          return good;
        },
        skip: (key) => void skipped.push(key),
      };
      let settled = 0;
      await schedule(steps, work, { maxJobs, limits, keepGoing, signal: controller.signal }).finally(
        () => settled++,
      );
      assert.equal(settled, 1);
      assert.equal(running.size, 0, 'something runs on');
      assert.deepEqual([...ran, ...skipped].toSorted(), steps.map(({ key }) => key).toSorted());
      // Nothing comes later.
      const calls = ran.length + skipped.length;
      for (let i = 0; i < 5; i++) await turn();
      assert.equal(ran.length + skipped.length, calls);
    }),
    { numRuns: longForm ? 5000 : 300 },
  );
});

test('a run that breaks off against its promise leaves nothing running, and the first reason is told', async () => {
  const ends = new Deferred<boolean>();
  const skipped: string[] = [];
  const work = {
    run: async (key: string) => {
      if (key === 'broken') throw new Error('a mistake');
      return await ends.promise;
    },
    skip: (key: string) => void skipped.push(key),
  };
  let over = false;
  const steps = [step('broken'), step('other'), step('after', 'broken')];
  const all = schedule(steps, work, { maxJobs: 2, keepGoing: true, signal: never }).finally(() => {
    over = true;
  });
  all.catch(() => {});
  for (let i = 0; i < 5; i++) await turn();
  assert.equal(over, false);
  ends.resolve(true);
  await assert.rejects(all, /a mistake/);
  assert.deepEqual(skipped, ['after']);
});

test('ten thousand steps in a row, or side by side, are no burden', async () => {
  const work = { run: async () => true, skip: () => assert.fail('nothing fails here') };
  const options = { maxJobs: 4, keepGoing: false, signal: never };
  const keys = Array.from({ length: 10_000 }, (_, index) => `${index}`);
  await schedule(
    keys.map((key) => step(key)),
    work,
    options,
  );
  await schedule(
    keys.map((key, index) => step(key, ...keys.slice(Math.max(0, index - 1), index))),
    work,
    options,
  );
  const skipped: string[] = [];
  const failing = { run: async () => false, skip: (key: string) => void skipped.push(key) };
  await schedule(
    keys.map((key, index) => step(key, ...keys.slice(Math.max(0, index - 1), index))),
    failing,
    { ...options, keepGoing: true },
  );
  assert.equal(skipped.length, keys.length - 1);
});
