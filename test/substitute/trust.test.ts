import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatContentAddress } from '../../ts/formats/content-address.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { makeFixedOutputPath } from '../../ts/formats/make-store-path.js';
import { fingerprint, generateSecretKey, publicKeyOf, sign } from '../../ts/formats/signature.js';
import type { PathInfo } from '../../ts/store/path-info.js';
import { isTrustworthy, type TrustPolicy } from '../../ts/substitute/trust.js';
import { somePath } from '../support/stores.js';

const key = generateSecretKey('ours-1');
const policy: TrustPolicy = {
  requireSignatures: true,
  publicKeys: new Map([[key.name, publicKeyOf(key)]]),
};
const stranger = { trusted: false, storeDir: '/nix/store' };

const info: PathInfo = {
  path: somePath('a'),
  narHash: hashBytes('sha256', 'x'),
  narSize: 120,
  references: [somePath('b')],
  registrationTime: 0,
  ultimate: true,
  signatures: [],
};

test('nobody believes a stranger without a signature', () => {
  assert.equal(isTrustworthy(info, stranger, policy), false);
  assert.equal(isTrustworthy(info, { ...stranger, trusted: true }, policy), true);
  assert.equal(isTrustworthy(info, stranger, { ...policy, requireSignatures: false }), true);
});

test('Guix 2026-07-02: a signature of a trusted key counts, for what it was made for', () => {
  const signed = { ...info, signatures: [sign(key, fingerprint(info))] };
  assert.equal(isTrustworthy(signed, stranger, policy), true);
  assert.equal(isTrustworthy({ ...signed, narHash: hashBytes('sha256', 'y') }, stranger, policy), false);
  assert.equal(isTrustworthy({ ...signed, references: [] }, stranger, policy), false);
  const impostor = generateSecretKey('ours-1');
  const forged = { ...info, signatures: [sign(impostor, fingerprint(info))] };
  assert.equal(isTrustworthy(forged, stranger, policy), false);
});

test('a path made of its contents vouches for itself, also with itself in it', () => {
  const hash = hashBytes('sha256', 'x');
  const content = { name: 'x', method: 'nar', hash } as const;
  const address = { contentAddress: formatContentAddress(content) };
  const plain = { ...info, ...address, references: [], path: makeFixedOutputPath('/nix/store', content) };
  assert.equal(isTrustworthy(plain, stranger, policy), true);
  assert.equal(isTrustworthy({ ...plain, path: somePath('c') }, stranger, policy), false);
  const path = makeFixedOutputPath('/nix/store', { ...content, self: true });
  assert.equal(isTrustworthy({ ...plain, path, references: [path] }, stranger, policy), true);
  assert.equal(isTrustworthy({ ...plain, path, references: [] }, stranger, policy), false);
});
