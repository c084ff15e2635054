import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeLogTimes, LogTimesEncoder } from '../../ts/store/log-times.js';
import { belongTo, timedLines } from '../../ts/store/timed-lines.js';

const startedAt = 1_700_000_000_000;
const chunksOf = fc.array(
  fc.record({
    bytes: fc.array(fc.constantFrom(0x0a, 0x61, 0xff), { maxLength: 6 }).map((some) => Buffer.from(some)),
    later: fc.oneof(
      fc.constant(0),
      fc.nat({ max: 3 }),
      fc.nat({ max: 2 ** 31 }),
      fc.integer({ min: -5, max: 0 }),
    ),
  }),
);

interface Came {
  readonly bytes: Buffer;
  readonly later: number;
}

function encode(chunks: readonly Came[], { ended = true } = {}): Buffer {
  const encoder = new LogTimesEncoder(startedAt);
  const parts = [encoder.begin()];
  let now = startedAt;
  for (const { bytes, later } of chunks) {
    now += later;
    parts.push(encoder.chunk(bytes, now) ?? Buffer.alloc(0));
  }
  if (ended) parts.push(encoder.end());
  return Buffer.concat(parts);
}

/** The time of each line, byte by byte. */
function naiveTimes(chunks: readonly Came[]): number[] {
  const times: number[] = [];
  let now = startedAt;
  let latest = startedAt;
  let atStart = true;
  for (const { bytes, later } of chunks) {
    now += later;
    for (const byte of bytes) {
      if (atStart) {
        latest = Math.max(latest, now);
        times.push(latest);
      }
      atStart = byte === 0x0a;
    }
  }
  return times;
}

async function* iterate(...chunks: readonly Uint8Array[]) {
  yield* chunks;
}

test('every line has the time at which it began to come', async () => {
  await fc.assert(
    fc.asyncProperty(chunksOf, async (chunks) => {
      const times = decodeLogTimes(encode(chunks))!;
      const log = Buffer.concat(chunks.map(({ bytes }) => bytes));
      assert.ok(await belongTo(times, iterate(log)));
      const lines = [];
      // Read in other pieces than it came in.
      for await (const line of timedLines(iterate(log.subarray(0, 3), log.subarray(3)), times))
        lines.push(line);
      assert.deepEqual(
        lines.map(({ time }) => time),
        naiveTimes(chunks),
      );
      assert.equal(
        lines
          .map(({ bytes }) => `${bytes.toString('latin1')}\n`)
          .join('')
          .slice(0, log.length),
        log.toString('latin1'),
      );
    }),
  );
});

test('what a crash tore off is not missed', async () => {
  const chunks = [...'abcdefgh'].map((letter, i) => ({ bytes: Buffer.from(`${letter}\n`), later: 200 * i }));
  const whole = encode(chunks, { ended: false });
  const marks = decodeLogTimes(whole)!.marks;
  for (let length = whole.length; length >= 0; length--) {
    const times = decodeLogTimes(whole.subarray(0, length));
    if (!times) {
      assert.ok(length < 36, 'only the first line is needed');
      continue;
    }
    assert.deepEqual(times.marks, marks.slice(0, times.marks.length));
    assert.equal(times.end, undefined);
    // The log may have come less far than its times, or further.
    for (const log of ['a\nb', 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n']) {
      assert.ok(await belongTo(times, iterate(Buffer.from(log))));
    }
  }
});

test('the times of another log are not taken for its own', async () => {
  const times = decodeLogTimes(
    encode([
      { bytes: Buffer.from('one\n'), later: 5 },
      { bytes: Buffer.from('two\n'), later: 5 },
    ]),
  )!;
  assert.ok(await belongTo(times, iterate(Buffer.from('one\ntwo\n'))));
  for (const other of ['one\ntwo', 'one\ntwp\n', 'on\ntwoo\n', '', 'one\ntwo\nthree\n']) {
    assert.equal(await belongTo(times, iterate(Buffer.from(other))), false, JSON.stringify(other));
  }
});

test('nor are those that a crash left, if they cannot be', async () => {
  const chunks = ['one\n', 'two\n', 'three\n'].map((text) => ({ bytes: Buffer.from(text), later: 5 }));
  const times = decodeLogTimes(encode(chunks, { ended: false }))!;
  assert.ok(await belongTo(times, iterate(Buffer.from('one\ntw'))));
  for (const pieces of [['on\ntwoo\nthree\n'], ['one\n', 'twoo', '\nthree']]) {
    assert.equal(await belongTo(times, iterate(...pieces.map((text) => Buffer.from(text)))), false);
  }
});

test('what is no such file is none, and no number makes it read on', () => {
  for (const text of [
    '',
    'airplant log times 2 1\n',
    'airplant log times 1 x\n',
    'BZh9',
    'airplant log times 1 5',
  ]) {
    assert.equal(decodeLogTimes(Buffer.from(text)), undefined);
  }
  const bytes = Buffer.concat([Buffer.from('airplant log times 1 5\n'), Buffer.alloc(100, 0xff)]);
  assert.deepEqual(decodeLogTimes(bytes), { startedAt: 5, marks: [] });
});

test('the file stays small: a byte at a time costs no more than lines do, and a million lines little', () => {
  const bytewise = Array.from({ length: 100_000 }, () => ({ bytes: Buffer.from('x'), later: 1 }));
  assert.ok(encode(bytewise).length < 100);
  const linewise = Array.from({ length: 1_000_000 }, () => ({ bytes: Buffer.from('x\n'), later: 1 }));
  assert.ok(encode(linewise).length < 210_000);
});

test('a line of any length is handed out in pieces', async () => {
  const chunk = Buffer.alloc(700_000, 'x');
  const lines = [];
  for await (const line of timedLines(iterate(chunk, chunk, chunk, Buffer.from('\nnext')), undefined))
    lines.push(line);
  assert.deepEqual(
    lines.map(({ bytes, partial = false }) => [bytes.length, partial]),
    [
      [1048576, true],
      [1048576, true],
      [2848, false],
      [4, false],
    ],
  );
});
