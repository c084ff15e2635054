import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareText, decodeText, encodeText } from '../../ts/base/text.js';

test('any bytes survive decode and encode', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.deepEqual([...encodeText(decodeText(bytes))], [...bytes]);
    }),
    { numRuns: 2000 },
  );
});

test('UTF-8 is decoded as itself, other bytes to U+DC80 and up', () => {
  assert.equal(decodeText(Buffer.from('grüße 🦉')), 'grüße 🦉');
  assert.equal(decodeText(Buffer.from([0x61, 0xff, 0xe2, 0x82])), 'a\udcff\udce2\udc82');
  assert.equal(
    decodeText(Buffer.from([0xed, 0xa0, 0x80])),
    '\udced\udca0\udc80',
    'an encoded surrogate is not UTF-8',
  );
});

test('a lone surrogate that stands for no byte is refused', () => {
  assert.throws(() => encodeText('a\ud800'), TypeError);
  assert.throws(() => encodeText('\udc7f'), TypeError);
});

test('order is that of the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (a, b) => {
      assert.equal(Math.sign(compareText(decodeText(a), decodeText(b))), Math.sign(Buffer.compare(a, b)));
    }),
    { numRuns: 2000 },
  );
  assert.equal(compareText('\uffff', '🦉'), -1);
});
