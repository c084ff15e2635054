import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import { untilAborted } from '../../ts/store/until-aborted.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('until-aborted');
const patience = { timeout: 120_000 };

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

test('without an abort it is the source, its end and its error included', async () => {
  const { signal } = new AbortController();
  for (const one of [signal, undefined]) {
    assert.deepEqual(await all(untilAborted(Readable.from([1, 2]), one)), [1, 2]);
    const failing = async function* () {
      yield 1;
      throw new Error('cut');
    };
    await assert.rejects(all(untilAborted(failing(), one)), { message: 'cut' });
  }
});

test('whoever reads no further closes the source', async () => {
  let closed = false;
  const source = async function* () {
    try {
      yield 1;
      yield 2;
    } finally {
      closed = true;
    }
  };
  for await (const _ of untilAborted(source(), undefined)) break;
  assert.ok(closed);
});

test('an abort ends a wait, closes a stream, and leaves nothing to be caught', patience, async () => {
  const stream = new PassThrough();
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const failing = async function* () {
    await new Promise((resolve) => setImmediate(resolve));
    yield* [];
    throw new Error('nobody listens any more');
  };
  for (const source of [stream, never, failing()]) {
    const controller = new AbortController();
    const reading = all<unknown>(untilAborted<unknown>(source, controller.signal));
    controller.abort(new Error('enough'));
    await assert.rejects(reading, { message: 'enough' });
  }
  assert.ok(stream.destroyed);
  await new Promise((resolve) => setTimeout(resolve, 10));
});

test('a source is not asked any more once there was an abort, and is closed', async () => {
  const controller = new AbortController();
  let [asked, closed] = [0, 0];
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (++asked > 1) throw new Error('asked after the abort');
        return { done: false, value: 1 };
      },
      return: async () => {
        closed++;
        return { done: true, value: undefined };
      },
    }),
  };
  const reading = async () => {
    for await (const _ of untilAborted(source, controller.signal)) controller.abort(new Error('enough'));
  };
  await assert.rejects(reading(), { message: 'enough' });
  assert.deepEqual([asked, closed], [1, 1]);
});

const narHash = hashBytes('sha256', Buffer.from('x'));
const info = { narHash, narSize: 1, references: [], registrationTime: 0, ultimate: false, signatures: [] };
const ways: Readonly<
  Record<string, (store: LocalStore, source: PassThrough, signal?: AbortSignal) => Promise<unknown>>
> = {
  importPaths: (store, source, signal) => store.importPaths(source, { signal }),
  registerPaths: (store, source, signal) => store.registerPaths(source, { signal }),
  addNar: (store, source, signal) =>
    store.addNar({ info: { ...info, path: somePath('a') }, source }, { signal }),
};

for (const [name, way] of Object.entries(ways)) {
  test(
    `${name} from a source that says nothing can be stopped, by a signal and by close`,
    patience,
    async () => {
      const store = await openTestStore(join(directory, name));
      const controller = new AbortController();
      const first = new PassThrough();
      const stopped = way(store, first, controller.signal);
      await untilRead(first);
      controller.abort(new Error('enough'));
      await assert.rejects(stopped, { message: 'enough' });
      const second = new PassThrough();
      const closed = assert.rejects(way(store, second), { code: 'ERR_ABORTED' });
      await untilRead(second);
      await store.close();
      await closed;
      assert.deepEqual([first.destroyed, second.destroyed], [true, true]);
    },
  );
}

/** Resolves once somebody waits for data. */
async function untilRead(stream: PassThrough): Promise<void> {
  while (stream.listenerCount('readable') === 0) await new Promise((resolve) => setImmediate(resolve));
}
