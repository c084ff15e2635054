import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeText } from '../../../ts/base/text.js';
import { ByteRanges } from '../../../ts/build/check/byte-ranges.js';
import { compareBytes, compareContents, longestDecoded } from '../../../ts/build/check/compare-contents.js';
import { joiningGap, mostRanges } from '../../../ts/build/check/difference.js';
import { cut } from '../../support/nar-trees.js';

async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** A few bytes changed here and there. */
const anyPair = fc
  .tuple(
    fc.uint8Array({ minLength: 0, maxLength: 700 }),
    fc.array(fc.nat(), { maxLength: 12 }),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([a, places, tail]) => {
    const b = Buffer.concat([a, tail]);
    for (const place of places) if (a.length > 0) b[place % a.length]! ^= 1;
    return [Buffer.from(a), b] as const;
  });

test('every byte that differs lies in a range, and a range begins and ends with one', () => {
  fc.assert(
    fc.property(anyPair, fc.boolean(), ([one, other], swapped) => {
      const [a, b] = swapped ? [other, one] : [one, other];
      const differing = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).filter(
        (i) => a[i] !== b[i],
      );
      const found = compareBytes(a, b);
      if (differing.length === 0) return assert.equal(found, undefined);
      assert.equal(found!.first, differing[0]);
      assert.equal(found!.differing, differing.length);
      assert.ok(differing.every((at) => found!.ranges.some(({ start, end }) => start <= at && at < end)));
      for (const [i, range] of found!.ranges.entries()) {
        assert.ok(differing.includes(range.start) && differing.includes(range.end - 1));
        const next = found!.ranges[i + 1];
        if (next) assert.ok(next.start - range.end >= joiningGap);
        for (const [side, bytes] of [
          [range.a, a],
          [range.b, b],
        ] as const) {
          const shown = encodeText(side.text);
          const from = range.start - side.start;
          assert.ok(from >= 0 && side.start === Math.min(32, range.start), 'context before it');
          assert.ok(shown.equals(bytes.subarray(from, from + shown.length)), 'the bytes that are there');
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('chunks cut anywhere give what whole buffers give', () => {
  fc.assert(
    fc.property(anyPair, fc.array(fc.nat(), { maxLength: 9 }), ([a, b], places) => {
      const ranges = new ByteRanges();
      const parts = cut(a, places);
      let at = 0;
      for (const part of parts) {
        ranges.push(part, b.subarray(at, at + part.length));
        at += part.length;
      }
      ranges.pushTail('b', b.subarray(at));
      assert.deepEqual(ranges.end(), compareBytes(a, b));
    }),
    { numRuns: 1000 },
  );
});

test('ranges and excerpts are bounded, the count of bytes is exact', () => {
  const a = Buffer.alloc(100_000);
  const b = Buffer.from(a);
  for (let at = 0; at < b.length; at += 50) b[at] = 1;
  const found = compareBytes(a, b)!;
  assert.equal(found.ranges.length, mostRanges);
  assert.equal(found.moreRanges, true);
  assert.equal(found.differing, 2000);

  const everything = compareBytes(Buffer.alloc(100_000), Buffer.alloc(90_000, 1))!;
  assert.deepEqual(
    everything.ranges.map(({ start, end }) => [start, end]),
    [[0, 100_000]],
  );
  assert.equal(everything.ranges[0]!.a.text.length, 288);
  assert.equal(everything.ranges[0]!.a.end, 288);
  assert.equal(everything.moreRanges, false);
});

test('a long file is compared as it streams by, and its bytes are not kept', async () => {
  const size = longestDecoded + 1;
  const chunk = Buffer.alloc(1024 * 1024);
  const chunks = function* (last: string) {
    for (let left = size - 1; left > 0; left -= chunk.length) yield chunk.subarray(0, left);
    yield Buffer.from(last);
  };
  const both = { a: size, b: size };
  assert.deepEqual(await compareContents(stream(chunks('x')), stream(chunks('x')), both), {});
  const { contents, whole } = await compareContents(stream(chunks('x')), stream(chunks('y')), both);
  assert.equal(whole, undefined);
  assert.equal(contents!.first, size - 1);
  assert.equal(contents!.differing, 1);

  const short = await compareContents(stream([Buffer.from('ab')]), stream([Buffer.from('ac')]), {
    a: 2,
    b: 2,
  });
  assert.equal(short.whole!.b.toString(), 'ac');
});
