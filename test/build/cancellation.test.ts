import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { DerivationValue } from '../../ts/derivation/author/values.js';
import { FakeExecutor, someDerivation, startFakeBuild } from '../support/fake-builds.js';
import { longForm } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Whenever a build is stopped, it ends once, leaves no lock and no scratch directory, and can be done again.
const directory = temporaryDirectory('cancellation');
let stores = 0;

/** Eight in layers of two, each needing both below, and the last on top of all. */
function graph(): DerivationValue[] {
  const all: DerivationValue[] = [];
  for (let index = 0; index < 8; index++) {
    const layer = index - (index % 2);
    const needs = Object.fromEntries(all.slice(Math.max(0, layer - 2), layer).map((one) => [one.name, one]));
    all.push(someDerivation(`part-${index}`, needs));
  }
  return all;
}

const moments = fc.record({
  /** The turn of the event loop after which the build is stopped. */
  stopAfter: fc.nat(150),
  maxJobs: fc.integer({ min: 1, max: 3 }),
  keepGoing: fc.boolean(),
  /** Turns that builders, and the removal of what they leave, take. */
  lengths: fc.array(fc.nat(6), { minLength: 1, maxLength: 5 }),
  /** Whether builders stop when they are told to. */
  obedient: fc.boolean(),
  /** A derivation that another process builds at the time, and for how many turns. */
  elsewhere: fc.record({ index: fc.nat(7), turns: fc.nat(60) }),
});

test('stopped at any moment, all locks are free, nothing is left and the rest can be built', async () => {
  const drvs = graph();
  const all = drvs.map(({ outPath }) => outPath);
  await fc.assert(
    fc.asyncProperty(moments, async ({ stopAfter, maxJobs, keepGoing, lengths, obedient, elsewhere }) => {
      await using store = await openTestStore(join(directory, `store-${++stores}`));
      const controller = new AbortController();
      let lengthsTaken = 0;
      let building = 0;
      const wait = async () => {
        building++;
        try {
          for (let left = lengths[lengthsTaken++ % lengths.length]!; left > 0; left--) {
            await turn();
            if (obedient) controller.signal.throwIfAborted();
          }
        } finally {
          building--;
        }
      };
      const tidyUp = async () => {
        for (let left = lengths[lengthsTaken++ % lengths.length]!; left > 0; left--) await turn();
      };
      const locks = await store.lockPaths([all[elsewhere.index]!]);
      const executor = new FakeExecutor({ wait, tidyUp });
      const { signal } = controller;
      const options = { maxJobs, keepGoing };
      const { run, events, read } = await startFakeBuild(store, executor, { wanted: drvs, options, signal });
      let settled = 0;
      const result = run.result.finally(() => settled++);
      for (let turns = 0; turns < Math.max(stopAfter, elsewhere.turns) && settled === 0; turns++) {
        if (turns === elsewhere.turns) locks.release({ delete: false });
        if (turns === stopAfter) controller.abort(new Error('stopped by the test'));
        await turn();
      }
      controller.abort(new Error('stopped by the test'));
      const { results } = await result;
      await read;
      locks.release({ delete: false });

      assert.equal(settled, 1);
      assert.equal(building, 0, 'a builder runs on');
      assert.equal(events.filter(({ type }) => type === 'finished').length, 1);
      assert.equal(events.at(-1)?.type, 'finished');
      for (const { status } of results) assert.ok(status === 'Built' || status === 'Cancelled', status);
      for (const [index, { status }] of results.entries()) {
        if (status === 'Built') assert.ok(store.isValid(all[index]!));
      }
      const free = await store.tryLockPaths(all);
      assert.ok(free, 'a lock is held still');
      free.release({ delete: false });
      const left = readdirSync(store.directories.realStoreDir).filter((name) => name.includes('.chroot'));
      assert.deepEqual(left, [], 'scratch directories were left');

      const again = await startFakeBuild(store, new FakeExecutor(), { wanted: drvs });
      for (const { status } of (await again.run.result).results) {
        assert.ok(status === 'Built' || status === 'AlreadyValid', status);
      }
      await again.read;
    }),
    { numRuns: longForm ? 500 : 60 },
  );
});
