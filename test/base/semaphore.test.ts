import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Semaphore } from '../../ts/base/semaphore.js';

test('slots are handed out in the order they were asked for', async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  const release = await semaphore.acquire();
  const waiting = [1, 2, 3].map(async (n) => {
    const give = await semaphore.acquire();
    order.push(n);
    give();
  });
  release();
  release();
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
});

test('releasing twice frees one slot only', async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.acquire();
  first();
  first();
  await semaphore.acquire();
  const controller = new AbortController();
  const second = semaphore.acquire(controller.signal);
  controller.abort(new Error('still busy'));
  await assert.rejects(second, /still busy/);
});

test('an aborted wait leaves the queue', async () => {
  const semaphore = new Semaphore(1);
  const release = await semaphore.acquire();
  const controller = new AbortController();
  const aborted = semaphore.acquire(controller.signal);
  const patient = semaphore.acquire();
  controller.abort(new Error('enough'));
  await assert.rejects(aborted, /enough/);
  release();
  await patient;
});

test('a semaphore without slots is refused', () => {
  assert.throws(() => new Semaphore(0), RangeError);
  assert.throws(() => new Semaphore(1.5), RangeError);
});
