import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { JobSlots } from '../../ts/build/job-slots.js';

const never = new AbortController().signal;

/** Slots, and who has got one, by name; a claim is waited for by nobody. */
function slotsFor(count: number, limits: Readonly<Record<string, number>> = {}, signal = never) {
  const slots = new JobSlots(count, new Map(Object.entries(limits)), signal);
  const got: string[] = [];
  const releases = new Map<string, () => void>();
  const refused: unknown[] = [];
  const ask = (name: string, order: number, ...uses: string[]) => {
    slots.acquire({ order, uses }).then(
      (release) => {
        got.push(name);
        releases.set(name, release);
      },
      (reason) => refused.push(reason),
    );
  };
  return { slots, got, refused, ask, release: (name: string) => releases.get(name)!() };
}

test('a slot goes to the first in order, and of equals to who came first', async () => {
  const { got, ask, release } = slotsFor(1);
  ask('holder', 9);
  for (const [name, order] of [
    ['late', 5],
    ['equal', 5],
    ['early', 1],
  ] as const)
    ask(name, order);
  for (const name of ['holder', 'early', 'late', 'equal']) {
    await turn();
    release(name);
  }
  assert.deepEqual(got, ['holder', 'early', 'late', 'equal']);
});

test('who waits for a resource holds no slot, and lighter ones overtake', async () => {
  const { got, ask, release } = slotsFor(2, { kvm: 1 });
  ask('first vm', 0, 'kvm');
  ask('second vm', 1, 'kvm');
  ask('light', 2);
  await turn();
  assert.deepEqual(got, ['first vm', 'light']);
  release('first vm');
  await turn();
  assert.deepEqual(got, ['first vm', 'light', 'second vm']);
});

test('a heavy one is not starved by those that need a part of what it waits for', async () => {
  const { got, ask, release } = slotsFor(4, { kvm: 1, 'big-parallel': 1 });
  ask('vm', 0, 'kvm');
  ask('heavy', 1, 'kvm', 'big-parallel');
  ask('parallel', 2, 'big-parallel');
  ask('vm again', 3, 'kvm');
  ask('light', 4);
  await turn();
  assert.deepEqual(got, ['vm', 'light']);
  release('vm');
  await turn();
  assert.deepEqual(got, ['vm', 'light', 'heavy']);
  release('heavy');
  await turn();
  assert.deepEqual(got, ['vm', 'light', 'heavy', 'parallel', 'vm again']);
});

test('a resource without a limit is no reason to wait', async () => {
  const { got, ask } = slotsFor(2, { kvm: 1 });
  ask('a', 0, 'benchmark');
  ask('b', 1, 'benchmark');
  await turn();
  assert.deepEqual(got, ['a', 'b']);
});

test('at once or not at all: who is refused leaves the queue, and gives nothing back', async () => {
  const { slots, got, ask, release } = slotsFor(1, { kvm: 1 });
  ask('holder', 0);
  await turn();
  assert.equal(slots.tryAcquire({ order: 1, uses: ['kvm'] }), undefined);
  release('holder');
  const mine = slots.tryAcquire({ order: 2, uses: ['kvm'] });
  assert.ok(mine);
  ask('next', 3, 'kvm');
  mine();
  mine();
  await turn();
  assert.deepEqual(got, ['holder', 'next']);
  ask('one too many', 4);
  await turn();
  assert.equal(got.length, 2);
});

test('what is asked for together is looked at together', async () => {
  const { slots, got, ask } = slotsFor(1);
  slots.together(() => {
    ask('unimportant', 8);
    ask('important', 1);
  });
  await turn();
  assert.deepEqual(got, ['important']);
});

test('an abort refuses who waits and who comes later; what was held can be given back', async () => {
  const controller = new AbortController();
  const { slots, got, refused, ask, release } = slotsFor(1, { kvm: 1 }, controller.signal);
  ask('holder', 0, 'kvm');
  ask('waiting', 1);
  await turn();
  const reason = new Error('enough');
  controller.abort(reason);
  ask('late', 2);
  await turn();
  assert.deepEqual(refused, [reason, reason]);
  release('holder');
  await turn();
  assert.deepEqual(got, ['holder']);
  assert.equal(slots.tryAcquire({ order: 3, uses: [] }), undefined);
});

test('no slots, or none of a resource, would be waited for for ever', () => {
  assert.throws(() => slotsFor(0), RangeError);
  assert.throws(() => slotsFor(1.5), RangeError);
  assert.throws(() => slotsFor(1, { kvm: 0 }), RangeError);
});
