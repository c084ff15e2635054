import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AirplantError, isAirplantError } from '../../ts/base/errors.js';
import { closeHostPaths, parseHostPath, type StoreView } from '../../ts/sandbox/host-paths.js';
import type { HostPath } from '../../ts/sandbox/request.js';

const meta = { why: 'a test' };

const parsed: readonly (readonly [item: string, target: string, source: string, optional: boolean])[] = [
  ['/usr', '/usr', '/usr', false],
  ['/usr?', '/usr', '/usr', true],
  ['/bin/sh=/bin/busybox', '/bin/sh', '/bin/busybox', false],
  ['/bin/sh=/bin/busybox?', '/bin/sh', '/bin/busybox', true],
  ['//usr/./lib/', '/usr/lib', '/usr/lib', false],
  ['/', '/', '/', false],
  // Only the first equals sign divides, as in Nix; only the last question mark counts.
  ['/a=/b=c', '/a', '/b=c', false],
  ['/a??', '/a?', '/a?', true],
  ['/grüße=/…', '/grüße', '/…', false],
];
for (const [item, target, source, optional] of parsed) {
  test(`a sandbox path: ${item}`, () => {
    assert.deepEqual(parseHostPath(item, meta), { target, source, optional, readOnly: true, why: 'a test' });
  });
}

for (const item of [
  '',
  '?',
  'usr',
  '/a=b',
  'a=/b',
  '=/b',
  '/a=',
  '/a/../b',
  '/..',
  '/a=/..',
  '/a\0',
  '=',
  '/a=?',
]) {
  test(`no sandbox path: ${JSON.stringify(item)}`, () => {
    assert.throws(
      () => parseHostPath(item, meta),
      (error) => isAirplantError(error, 'ERR_SANDBOX_PATH'),
    );
  });
}

test('anything at all is parsed into normalised absolute paths or refused, in one printable line', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[/.=?a\0\u001b ]{0,12}$/), (item) => {
      let path: HostPath;
      try {
        path = parseHostPath(item, meta);
      } catch (error) {
        assert.ok(error instanceof AirplantError && error.code === 'ERR_SANDBOX_PATH');
        assert.doesNotMatch(error.message, /[\x00-\x1f]/);
        return;
      }
      for (const side of [path.source, path.target])
        assert.match(side, /^\/$|^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/);
    }),
    { numRuns: 2000 },
  );
});

test('writable only where said so', () => {
  assert.equal(parseHostPath('/a', { ...meta, readOnly: false }).readOnly, false);
});

const store: StoreView = {
  storeDir: '/nix/store',
  realPath: (path) => `/home/me/root${path}`,
  closure: (paths) => {
    assert.deepEqual(paths, ['/nix/store/1-busybox']);
    return ['/nix/store/0-musl', '/nix/store/1-busybox'];
  },
};

test('a host path into the store brings its closure, from where the store really is', () => {
  const paths = [parseHostPath('/bin/sh=/nix/store/1-busybox/bin/sh', meta), parseHostPath('/etc/x?', meta)];
  const closed = closeHostPaths(paths, store);
  assert.deepEqual(
    closed.map(({ target, source, optional }) => [target, source, optional]),
    [
      ['/bin/sh', '/home/me/root/nix/store/1-busybox/bin/sh', false],
      ['/etc/x', '/etc/x', true],
      ['/nix/store/0-musl', '/home/me/root/nix/store/0-musl', false],
      ['/nix/store/1-busybox', '/home/me/root/nix/store/1-busybox', false],
    ],
  );
  assert.match(closed[2]!.why, /1-busybox/);
});

test('a store path named as itself, even as writable, is bound once and read-only', () => {
  const closed = closeHostPaths([parseHostPath('/nix/store/1-busybox', { ...meta, readOnly: false })], store);
  assert.deepEqual(
    closed.map(({ target, readOnly }) => [target, readOnly]),
    [
      ['/nix/store/0-musl', true],
      ['/nix/store/1-busybox', true],
    ],
  );
});

test('without store paths the store is not asked', () => {
  const silent = { ...store, closure: () => assert.fail('asked') };
  assert.deepEqual(closeHostPaths([parseHostPath('/nix/storehouse', meta)], silent).length, 1);
});
