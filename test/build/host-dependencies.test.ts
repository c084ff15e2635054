import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostDependencies } from '../../ts/build/host-dependencies.js';

const drvPath = `/nix/store/${'0'.repeat(32)}-x.drv`;
const allowed = ['/usr/lib/', '/bin/sh'];

test('allowed prefixes and what lies below them, as text', () => {
  for (const path of ['/usr/lib', '/usr/lib/libSystem.dylib', '/usr/lib/../lib/x', '/bin/sh', '/bin//sh/']) {
    const [wish] = hostDependencies(drvPath, [path], allowed);
    assert.equal(wish?.source, wish?.target);
    assert.deepEqual([wish?.optional, wish?.readOnly], [true, true]);
    assert.doesNotMatch(wish!.source, /\.\.|\/$/);
  }
  assert.equal(hostDependencies(drvPath, ['/anything'], ['/']).length, 1);
});

test("what is not allowed is refused in Nix's words", () => {
  for (const path of [
    '/usr/library',
    '/usr',
    '/',
    '/bin',
    '/bin/shell',
    '/usr/lib/../../etc/passwd',
    'usr/lib',
    '',
  ]) {
    assert.throws(() => hostDependencies(drvPath, ['/bin/sh', path], allowed), {
      code: 'ERR_DERIVATION_INVALID',
      message: `derivation '${drvPath}' requested impure path '${path}', but it was not in allowed-impure-host-deps`,
    });
  }
  assert.throws(() => hostDependencies(drvPath, ['/bin/sh'], []), { code: 'ERR_DERIVATION_INVALID' });
});
