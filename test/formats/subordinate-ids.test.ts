import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { largestId, parseSubordinateIds, rangesIn } from '../../ts/formats/subordinate-ids.js';

const me = { name: 'me', uid: 1000 };

test('lines name users by name and by number, and one may have several', () => {
  const text = 'you:100000:65536\nme:165536:65536\n1000:400000:10\n10001:1:1\nmenot:1:1\nme:231072:131072';
  assert.deepEqual(parseSubordinateIds(text, me), [
    { first: 165536, count: 65536 },
    { first: 400000, count: 10 },
    { first: 231072, count: 131072 },
  ]);
});

test('what is no line, or leads beyond the largest id, is nobody’s', () => {
  for (const line of [
    ...['', '#me:1:2', 'me:1', 'me:1:2:3', 'me:-1:2', 'me:1:0', 'me: 1:2', 'me:1:2 ', 'me:0x1:2', ':1:2'],
    ...[`me:${largestId}:2`, 'me:99999999999:1', 'me:1:1e3'],
  ]) {
    assert.deepEqual(parseSubordinateIds(line, me), [], line);
  }
  assert.equal(parseSubordinateIds(`me:${largestId}:1`, me).length, 1);
});

test('ranges are whole, within their runs, and never overlap', () => {
  assert.deepEqual(
    rangesIn(
      [
        { first: 5, count: 25 },
        { first: 100, count: 9 },
      ],
      10,
    ),
    [5, 15],
  );
  const run = fc.record({ first: fc.nat(1000), count: fc.nat(1000) });
  fc.assert(
    fc.property(run, fc.integer({ min: 1, max: 100 }), ({ first, count }, size) => {
      const ranges = rangesIn([{ first, count }], size);
      assert.equal(ranges.length, Math.floor(count / size));
      for (const [i, start] of ranges.entries()) assert.equal(start, first + i * size);
    }),
  );
});

test('any text whatever is read without a fuss', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('me', ':', '1', '0', '\n', ' ', 'x') }), (text) => {
      for (const { first, count } of parseSubordinateIds(text, me))
        assert.ok(count > 0 && first + count - 1 <= largestId);
    }),
  );
});
