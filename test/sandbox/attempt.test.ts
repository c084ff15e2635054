import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { AttemptReader } from '../../ts/sandbox/attempt.js';

function record({ intent = 1, error = 2, base = '/build', path = 'a', missing = '' } = {}): Buffer {
  const texts = [base, path, missing].map((text) => Buffer.from(text, 'latin1'));
  const header = Buffer.alloc(28);
  const numbers = [7, intent, error, 0, ...texts.map(({ length }) => length)];
  for (const [i, number] of numbers.entries()) {
    if (endianness() === 'LE') header.writeUInt32LE(number, 4 * i);
    else header.writeUInt32BE(number, 4 * i);
  }
  return Buffer.concat([header, ...texts]);
}

test('records are the same wherever the stream is cut', () => {
  const stream = Buffer.concat([
    record(),
    record({ intent: 2, error: 2, path: '/s', missing: '/bin/perl' }),
    record({ intent: 5, error: 111, base: '', path: 'inet:127.0.0.1:53' }),
    record({ base: '', path: 'lost' }),
    record({ path: '../x/./y\xff' }),
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 })), (sizes) => {
      const reader = new AttemptReader();
      const found = [];
      let at = 0;
      for (const size of [...sizes, stream.length]) {
        found.push(...reader.push(stream.subarray(at, at + size)));
        at = Math.min(stream.length, at + size);
      }
      assert.deepEqual(
        found.map(({ path }) => path),
        ['/build/a', '/s', 'inet:127.0.0.1:53', '/lost', '/x/y\udcff'],
      );
      assert.deepEqual(
        found.map(({ missing }) => missing),
        [undefined, '/bin/perl', undefined, undefined, undefined],
      );
    }),
  );
});

test('what process 1 does not send is refused', () => {
  assert.throws(() => new AttemptReader().push(record({ intent: 9 })), RangeError);
  assert.throws(() => new AttemptReader().push(record({ path: 'x'.repeat(5000) })), RangeError);
});
