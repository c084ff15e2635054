import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import {
  formatContentAddress,
  isSelfCertifying,
  parseContentAddress,
} from '../../ts/formats/content-address.js';
import { formatHash } from '../../ts/formats/hash.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';

const sha256 = hashBytes('sha256', 'x');
const digest = formatHash(sha256, 'base32');

test('every method is read and written', () => {
  assert.deepEqual(parseContentAddress(`fixed:${digest}`), { method: 'flat', hash: sha256 });
  assert.deepEqual(parseContentAddress(`fixed:r:${digest}`), { method: 'nar', hash: sha256 });
  assert.deepEqual(parseContentAddress(`fixed:git:${digest}`), { method: 'git', hash: sha256 });
  assert.deepEqual(parseContentAddress(`text:${digest}`), { method: 'text', hash: sha256 });
  for (const prefix of ['fixed:', 'fixed:r:', 'fixed:git:', 'text:'])
    assert.equal(formatContentAddress(parseContentAddress(prefix + digest)), prefix + digest);
  const sha512 = hashBytes('sha512', '');
  assert.deepEqual(parseContentAddress(`fixed:${formatHash(sha512, 'base16')}`), {
    method: 'flat',
    hash: sha512,
  });
});

test('anything else is refused', () => {
  const wrong = [
    '',
    digest,
    'fixed:',
    `fixed:text:${digest}`,
    `fixed:x:${digest}`,
    `text:r:${digest}`,
    `text:${formatHash(hashBytes('sha1', ''), 'base32')}`,
    `fixed:${formatHash(sha256, 'sri')}`,
    `fixed:r:${digest}\n`,
    ` fixed:r:${digest}`,
  ];
  for (const text of wrong) {
    assert.throws(
      () => parseContentAddress(text),
      (error) => isAirplantError(error, 'ERR_HASH_SYNTAX'),
      text,
    );
  }
});

// From a real cache written by Nix 2.8 (test/fixtures/cache).
test('a path vouches for itself when its content address gives it', () => {
  const path = '/nix/store/rmzq5lydmmk00rdqv9v2gscic968bx3r-ca-recursive';
  const contentAddress = 'fixed:r:sha256:13mb4w6hc532qgqv4rk9yl5bbqbm61bhrsyinv5l0lspl249ip38';
  const certifies = (info: Partial<Parameters<typeof isSelfCertifying>[1]>) =>
    isSelfCertifying('/nix/store', { path, references: [path], contentAddress, ...info });
  assert.ok(certifies({}));
  assert.ok(!certifies({ references: [] }));
  assert.ok(!certifies({ references: [path, '/nix/store/h8ksxsfyd6gwqqys7crc9m20dlnf3q7m-ca-dependent'] }));
  assert.ok(!certifies({ contentAddress: contentAddress.replace('13mb', '13mc') }));
  assert.ok(!certifies({ contentAddress: contentAddress.replace(':r:', ':') }));
  assert.ok(!certifies({ contentAddress: 'nonsense' }));
  assert.ok(!certifies({ path: 'nonsense' }));
  assert.ok(!isSelfCertifying('/nix/store', { path, references: [path] }));
});
