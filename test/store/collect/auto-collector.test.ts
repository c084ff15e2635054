import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { AutoCollector } from '../../../ts/store/collect/auto-collector.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('auto-collector');
const report = { deleted: 0, bytesFreed: 0, bytesSaved: 0, kept: [] };
const keep = { keepOutputs: false, keepDerivations: true };

function scene(settings: { minFree: number; maxFree: number; minFreeCheckInterval: number }) {
  const world = { now: 0, free: 1000, gain: 0, maxFreed: [] as number[], finish: () => {}, fails: false };
  const collector = new AutoCollector({
    settings: { ...keep, ...settings },
    collect: async ({ maxFreed }) => {
      world.maxFreed.push(maxFreed);
      await new Promise<void>((resolve) => {
        world.finish = resolve;
      });
      if (world.fails) throw new Error('broken');
      world.free += world.gain;
      return report;
    },
    available: () => world.free,
    now: () => world.now,
  });
  return { world, check: () => collector.check(() => {}) };
}

test('when fewer bytes are left than wanted, as many as are wanted then; not more often than said', async () => {
  const { world, check } = scene({ minFree: 100, maxFree: 500, minFreeCheckInterval: 5 });
  assert.equal(check(), undefined);
  world.free = 99;
  world.now = 4999;
  assert.equal(check(), undefined);
  world.now = 5000;
  const running = check();
  assert.deepEqual(world.maxFreed, [401]);
  // Whoever comes meanwhile waits for the same.
  assert.equal(check(), running);
  world.gain = 1;
  world.finish();
  await running;
  // It was no use: not before it is worse.
  world.now = 20_000;
  assert.equal(check(), undefined);
  world.free = 90;
  world.now = 30_000;
  const second = check();
  assert.equal(world.maxFreed.length, 2);
  world.fails = true;
  world.finish();
  await second;
});

test('never without a limit, nor where more is left than is wanted in the end', () => {
  for (const [minFree, maxFree] of [
    [0, 500],
    [2000, 900],
  ] as const) {
    const { world, check } = scene({ minFree, maxFree, minFreeCheckInterval: 0 });
    assert.equal(check(), undefined);
    assert.deepEqual(world.maxFreed, []);
  }
});

test('adding to a store on a full disk collects first, and spares what is being added', async () => {
  const root = join(directory, 'full');
  {
    await using maker = await openTestStore(root);
    await maker.addText({ name: 'garbage', contents: 'x', references: [] });
  }
  let free = 10;
  const settings = { collecting: { minFree: 100, minFreeCheckInterval: 0 } };
  await using store = await openTestStore(root, { settings, availableBytes: () => free });
  const one = await store.addText({ name: 'one', contents: '1', references: [] });
  assert.deepEqual(store.validPaths(), [one]);
  free = 1000;
  await using other = await openTestStore(root);
  const two = await other.addText({ name: 'two', contents: '2', references: [one] });
  await other.close();
  await store.addText({ name: 'three', contents: '3', references: [] });
  assert.ok(store.isValid(two));
});
