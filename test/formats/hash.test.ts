import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import {
  compressHash,
  digestBytes,
  digestSizes,
  formatDigest,
  formatHash,
  type Hash,
  type HashAlgorithm,
  parseHash,
  sameHash,
} from '../../ts/formats/hash.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';

const algorithms = Object.keys(digestSizes) as HashAlgorithm[];
const anyHash: fc.Arbitrary<Hash> = fc
  .constantFrom(...algorithms)
  .chain((algorithm) =>
    fc
      .uint8Array({ minLength: digestSizes[algorithm], maxLength: digestSizes[algorithm] })
      .map((bytes) => ({ algorithm, hex: Buffer.from(bytes).toString('hex') })),
  );

function refused(text: string, algorithm?: HashAlgorithm, why?: RegExp): void {
  assert.throws(
    () => parseHash(text, algorithm),
    (error) => isAirplantError(error, 'ERR_HASH_SYNTAX') && (why?.test(error.message) ?? true),
    JSON.stringify(text),
  );
}

test('the same digest in every form', () => {
  const hello = hashBytes('sha256', 'hello');
  assert.deepEqual(hello, {
    algorithm: 'sha256',
    hex: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
  });
  assert.equal(formatHash(hello, 'base16'), `sha256:${hello.hex}`);
  assert.equal(formatHash(hello, 'base32'), 'sha256:094qif9n4cq4fdg459qzbhg1c6wywawwaaivx0k0x8xhbyx4vwic');
  assert.equal(formatHash(hello, 'base64'), 'sha256:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=');
  assert.equal(formatHash(hello, 'sri'), 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=');
  assert.equal(formatDigest(hashBytes('md5', ''), 'base16'), 'd41d8cd98f00b204e9800998ecf8427e');
  assert.ok(sameHash(hashBytes('sha1', 'a\udcff'), hashBytes('sha1', Buffer.from([0x61, 0xff]))));
  assert.ok(!sameHash(hello, hashBytes('sha256', '')));
});

test('every form of every hash is read back, bare when the algorithm is known', () => {
  fc.assert(
    fc.property(anyHash, (hash) => {
      for (const form of ['base16', 'base32', 'base64', 'sri'] as const) {
        assert.deepEqual(parseHash(formatHash(hash, form)), hash);
        assert.deepEqual(parseHash(formatHash(hash, form), hash.algorithm), hash);
        if (form !== 'sri') assert.deepEqual(parseHash(formatDigest(hash, form), hash.algorithm), hash);
      }
    }),
  );
});

test('base 16 may be upper case and becomes lower case', () => {
  assert.equal(parseHash(`md5:${'AbCdEf01'.repeat(4)}`).hex, 'abcdef01'.repeat(4));
});

test('what is not a hash is refused, and why is said', () => {
  const sha256 = hashBytes('sha256', '');
  refused('', undefined, /which algorithm/);
  refused(sha256.hex, undefined, /which algorithm/);
  refused(sha256.hex, 'sha1', /length/);
  refused(formatHash(sha256, 'base32'), 'sha1', /should be a sha1/);
  refused(formatHash(sha256, 'sri'), 'sha512', /should be a sha512/);
  refused(`sha256-${sha256.hex}`, undefined, /base 64/);
  refused(`sha256-${formatDigest(sha256, 'base32')}`, undefined, /base 64/);
  refused(`SHA256:${sha256.hex}`, undefined, /none of md5, sha1/);
  refused(`constructor:${sha256.hex}`, undefined, /none of/);
  refused(`blake3:${sha256.hex}`);
  refused(`sha256:${sha256.hex}0`);
  refused(`sha256:${'g'.repeat(64)}`, undefined, /hexadecimal/);
  refused(`sha256:z${'0'.repeat(51)}`, undefined, /too large/);
  refused(`sha256:${'*'.repeat(44)}`, undefined, /base 64/);
  refused('sha256:sha256:x');
  refused('\u001b[31m', 'sha1', /^'\\x1b\[31m'/);
});

test('base 64 has one spelling', () => {
  const text = formatDigest(hashBytes('sha1', ''), 'base64');
  assert.ok(text.endsWith('wk='));
  refused(`sha1:${text.replace(/wk=$/, 'wl=')}`);
  refused(`sha1:${text.replace(/=$/, '')}`);
  refused(`sha1:${text.replaceAll('/', '_')}`);
});

test('a digest is folded by XOR', () => {
  assert.deepEqual([...compressHash(Uint8Array.of(1, 2, 4, 8, 16), 2)], [1 ^ 4 ^ 16, 2 ^ 8]);
  assert.deepEqual([...compressHash(Uint8Array.of(1), 3)], [1, 0, 0]);
  assert.equal(compressHash(digestBytes(hashBytes('sha256', '')), 20).length, 20);
});
