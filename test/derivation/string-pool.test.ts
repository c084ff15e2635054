import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StringPool } from '../../ts/derivation/string-pool.js';

test('a string out of the pool is the same string', () => {
  const pool = new StringPool();
  const any = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.string({ unit: 'binary-ascii', minLength: 10, maxLength: 600 }),
    fc.constantFrom('/nix/store/iw06dpb3aycqxnnhn648w395chbxc6li-x.drv', '\ud800'.repeat(20), 'ÿ'.repeat(20)),
  );
  fc.assert(
    fc.property(any, fc.nat(20), (text, at) => assert.equal(pool.own(text.slice(at)), text.slice(at))),
  );
});

test('a pool that has had very many still gives the same strings', () => {
  const pool = new StringPool();
  for (let i = 0; i < 150_000; i++) {
    const text = `/nix/store/path-number-${i}`;
    assert.equal(pool.own(text), text);
  }
});
