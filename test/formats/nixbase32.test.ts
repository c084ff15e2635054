import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { decodeNixBase32, encodeNixBase32, nixBase32Alphabet } from '../../ts/formats/nixbase32.js';

const refused = (text: string) =>
  assert.throws(
    () => decodeNixBase32(text),
    (error) => isAirplantError(error, 'ERR_HASH_SYNTAX'),
    text,
  );

test('known digests', () => {
  const hello = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  assert.equal(
    encodeNixBase32(Buffer.from(hello, 'hex')),
    '094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic',
  );
  assert.equal(encodeNixBase32(Buffer.alloc(20)), '0'.repeat(32));
  assert.equal(encodeNixBase32(Buffer.alloc(64)).length, 103);
  assert.equal(encodeNixBase32(Buffer.alloc(0)), '');
});

test('any bytes survive encode and decode', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      assert.deepEqual([...decodeNixBase32(encodeNixBase32(bytes))], [...bytes]);
    }),
    { numRuns: 1000 },
  );
});

test('what is accepted encodes back to itself', () => {
  const digits = fc.constantFrom(...nixBase32Alphabet);
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(digits, { maxLength: 33 }), (list) => {
      const text = list.join('');
      let bytes: Buffer;
      try {
        bytes = decodeNixBase32(text);
      } catch (error) {
        assert.ok(isAirplantError(error, 'ERR_HASH_SYNTAX'));
        return;
      }
      accepted++;
      assert.equal(encodeNixBase32(bytes), text);
    }),
    { numRuns: 2000 },
  );
  assert.ok(accepted > 100);
});

test('letters outside the alphabet, impossible lengths and spare bits are refused', () => {
  for (const letter of ['e', 'o', 'u', 't', 'A', ' ', '\0', 'é', '\udc80']) refused(`0${letter}`);
  for (const length of [1, 3, 6, 9, 11, 14]) refused('0'.repeat(length));
  assert.equal(decodeNixBase32('7z')[0], 0xff);
  refused('8z');
  refused('zz');
});
