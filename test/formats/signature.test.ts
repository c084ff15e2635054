import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import { parseHash } from '../../ts/formats/hash.js';
import { parseNarInfo } from '../../ts/formats/narinfo.js';
import {
  fingerprint,
  formatPublicKey,
  formatSecretKey,
  generateSecretKey,
  parsePublicKey,
  parsePublicKeys,
  parseSecretKey,
  publicKeyOf,
  sign,
  signers,
  verify,
} from '../../ts/formats/signature.js';
import { fixturePath, readFixture } from '../support/fixtures.js';

const keyText = (file: string) => readFixture('cache', file).toString();
const fixtureKeys = parsePublicKeys([keyText('test-1.public'), keyText('test-2.public')]);
const secretKeys = [1, 2].map((n) => parseSecretKey(keyText(`test-${n}.secret`)));

test('a fingerprint and its signature, as Nix makes them', () => {
  const facts = {
    path: '/nix/store/9hcd713c35lpipmbgcr508zmv7d2xjp9-withref',
    narHash: parseHash('sha256:08dda965fkm2n9dpv9cggyqjlx5a3jkg8kaf6d1c5rx8w3ai824d'),
    narSize: 168,
    references: ['/nix/store/5akl8zsmda0yrr63v4khwgskih2g2hsh-greeting'],
  };
  const text =
    '1;/nix/store/9hcd713c35lpipmbgcr508zmv7d2xjp9-withref;sha256:08dda965fkm2n9dpv9cggyqjlx5a3jkg8kaf6d1c5rx8w3ai824d;168;/nix/store/5akl8zsmda0yrr63v4khwgskih2g2hsh-greeting';
  assert.equal(fingerprint(facts), text);
  const keys = parsePublicKeys(['k1:KavMTbEHLcrIw8Zxtp0ZjXd5FRhAQUEN/m8JEYvi6W8=']);
  const signature =
    'k1:z8onyiSUKqnxAhtWF3BAuY7Z2ZpKRLqKwA2Vsszh0+Hvx8no6DPia8pVsvq9cqp+VS9K8+VpKnDJFj5hVcAsAg==';
  assert.ok(verify(keys, text, signature));
  assert.ok(!verify(keys, `${text} `, signature));
});

test('references are sorted and counted once in the fingerprint', () => {
  const facts = { path: '/p', narHash: parseHash(`sha256:${'0'.repeat(52)}`), narSize: 1 };
  assert.equal(
    fingerprint({ ...facts, references: ['/b', '/a', '/b'] }),
    `1;/p;sha256:${'0'.repeat(52)};1;/a,/b`,
  );
  assert.equal(fingerprint({ ...facts, references: [] }), `1;/p;sha256:${'0'.repeat(52)};1;`);
});

test('every signature in the caches Nix wrote verifies and is made again by its key', () => {
  let count = 0;
  for (const cache of ['none', 'xz', 'br', 'bzip2', 'gzip', 'zstd', 'ca', 'drvs']) {
    for (const file of readdirSync(fixturePath('cache', cache)).filter((name) => name.endsWith('.narinfo'))) {
      const info = parseNarInfo('/nix/store', readFixture('cache', cache, file).toString());
      assert.equal(signers(fixtureKeys, info).length, info.signatures.length, file);
      for (const signature of info.signatures) {
        const secret = secretKeys.find(({ name }) => signature.startsWith(`${name}:`))!;
        assert.equal(sign(secret, fingerprint(info)), signature);
        count++;
      }
      for (const change of [
        { narSize: info.narSize + 1 },
        { references: [...info.references, '/nix/store/73rbvcsk91mg1xh1js6b34cvf9nmcsjf-greeting'] },
        { path: `${info.path}x` },
        { narHash: parseHash(`sha256:${'0'.repeat(64)}`) },
      ])
        assert.deepEqual(signers(fixtureKeys, { ...info, ...change }), []);
    }
  }
  assert.equal(count, 191);
});

test('keys are written as they were read', () => {
  for (const n of [1, 2]) {
    const secret = secretKeys[n - 1]!;
    assert.equal(formatSecretKey(secret), keyText(`test-${n}.secret`).trim());
    assert.equal(formatPublicKey(publicKeyOf(secret)), keyText(`test-${n}.public`).trim());
    assert.equal(
      formatPublicKey(parsePublicKey(`\n${keyText(`test-${n}.public`)}\n`)),
      keyText(`test-${n}.public`).trim(),
    );
  }
});

test('a new key signs, and only its own public half verifies', () => {
  const key = parseSecretKey(formatSecretKey(generateSecretKey('new-1')));
  const other = parsePublicKey(formatPublicKey(publicKeyOf(generateSecretKey('new-1'))));
  const signature = sign(key, 'text');
  assert.ok(verify(new Map([['new-1', publicKeyOf(key)]]), 'text', signature));
  assert.ok(!verify(new Map([['new-1', other]]), 'text', signature));
  assert.ok(!verify(new Map([['other', publicKeyOf(key)]]), 'text', signature));
  assert.ok(!verify(new Map(), 'text', signature));
});

test('a signature that is malformed does not verify', () => {
  const key = secretKeys[0]!;
  const good = sign(key, 'text');
  assert.ok(verify(fixtureKeys, 'text', good));
  const [name, encoded] = good.split(':') as [string, string];
  const bytes = Buffer.from(encoded, 'base64');
  for (let i = 0; i < 64; i += 7) {
    const flipped = Buffer.from(bytes);
    flipped[i]! ^= 1;
    assert.ok(!verify(fixtureKeys, 'text', `${name}:${flipped.toString('base64')}`));
  }
  for (const bad of [
    '',
    ':',
    name,
    `${name}:`,
    encoded,
    `:${encoded}`,
    `${good}:`,
    `${good}\n`,
    ` ${good}`,
    `${name}:${encoded.replace(/=+$/, '')}`,
    `${name}:${bytes.subarray(0, 63).toString('base64')}`,
    `${name}:${Buffer.concat([bytes, bytes]).toString('base64')}`,
    `${name}:${Buffer.alloc(64).toString('base64')}`,
    `constructor:${encoded}`,
  ])
    assert.ok(!verify(fixtureKeys, 'text', bad), bad);
});

test('what is not a key is refused, and no secret is shown', () => {
  const secret = keyText('test-1.secret').trim();
  const encoded = secret.slice('test-1:'.length);
  const halves = Buffer.from(encoded, 'base64');
  const otherHalf = Buffer.concat([halves.subarray(0, 32), Buffer.alloc(32, 1)]).toString('base64');
  const refused = (read: () => unknown) =>
    assert.throws(
      read,
      (error) =>
        isAirplantError(error, 'ERR_SIGNATURE') &&
        !error.message.includes(encoded.slice(0, 8)) &&
        !JSON.stringify(error.details).includes(encoded.slice(0, 8)),
    );
  for (const text of [
    '',
    'x',
    `test-1${encoded}`,
    `:${encoded}`,
    `test-1:${otherHalf}`,
    `test-1:${encoded.slice(4)}`,
  ])
    refused(() => parseSecretKey(text));
  refused(() => parseSecretKey(keyText('test-1.public')));
  for (const text of [
    '',
    'x',
    'a b:KQ+9UMDu11GkLLbBXevNiukaxVlfH3ypaT0vKaCfQVE=',
    'a:KQ+9UMDu11GkLLbBXevNiukaxVlfH3ypaT0vKaCfQVE',
  ])
    refused(() => parsePublicKey(text));
  for (const name of ['', 'a:b', 'a b', 'a\n']) refused(() => generateSecretKey(name));
});

test('a secret key given for a public one is not shown either', () => {
  const secret = keyText('test-1.secret').trim();
  assert.throws(
    () => parsePublicKey(secret),
    (error) => isAirplantError(error, 'ERR_SIGNATURE') && !error.message.includes(secret.slice(10, 20)),
  );
});
