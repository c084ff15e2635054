import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import { EventStream } from '../../ts/build/event-stream.js';

const warning = (message: string): BuildEvent => ({ type: 'warning', message });
const log = (bytes: number): BuildEvent => ({
  type: 'build.log',
  drvPath: 'x',
  chunk: new Uint8Array(bytes),
});

test('a reader gets every event in order, then the end', async () => {
  const stream = new EventStream();
  const iterator = stream[Symbol.asyncIterator]();
  stream.push(warning('1'));
  stream.push(warning('2'));
  assert.deepEqual((await iterator.next()).value, warning('1'));
  assert.deepEqual((await iterator.next()).value, warning('2'));
  const pending = iterator.next();
  stream.push(warning('3'));
  stream.end();
  assert.deepEqual((await pending).value, warning('3'));
  assert.equal((await iterator.next()).done, true);
});

test('without a reader nothing is kept and nobody waits', () => {
  const stream = new EventStream();
  for (let i = 0; i < 100; i++) assert.equal(stream.push(log(1 << 20)), undefined);
});

test('a slow reader holds the writers back until it has read', async () => {
  const stream = new EventStream();
  const iterator = stream[Symbol.asyncIterator]();
  assert.equal(stream.push(log(1000)), undefined);
  const held = stream.push(log(1 << 20));
  assert.ok(held instanceof Promise);
  let resumed = false;
  void held.then(() => {
    resumed = true;
  });
  await iterator.next();
  assert.equal(resumed, false);
  await iterator.next();
  await held;
});

test('what a hook writes counts as what a builder writes, and nothing else does', async () => {
  const stream = new EventStream();
  const iterator = stream[Symbol.asyncIterator]();
  assert.equal(stream.push(warning('x'.repeat(2 << 20))), undefined);
  const held = stream.push({ ...log(1 << 20), type: 'post-build.log' } as BuildEvent);
  assert.ok(held instanceof Promise);
  await iterator.next();
  await iterator.next();
  await held;
  assert.equal(stream.push(log(1000)), undefined);
});

test('leaving the loop lets the writers go on', async () => {
  const stream = new EventStream();
  const iterator = stream[Symbol.asyncIterator]();
  const held = stream.push(log(2 << 20));
  await iterator.return!();
  await held;
  assert.equal(stream.push(log(2 << 20)), undefined);
});

test('a second reader is refused', () => {
  const stream = new EventStream();
  stream[Symbol.asyncIterator]();
  assert.throws(() => stream[Symbol.asyncIterator](), TypeError);
});
