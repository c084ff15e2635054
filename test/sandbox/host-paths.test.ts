import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AirplantError, isAirplantError } from '../../ts/base/errors.js';
import { parseHostPath } from '../../ts/sandbox/host-paths.js';
import type { HostPath } from '../../ts/sandbox/request.js';

const meta = { why: 'a test' };

const parsed: readonly (readonly [item: string, target: string, source: string, optional: boolean])[] = [
  ['/usr', '/usr', '/usr', false],
  ['/usr?', '/usr', '/usr', true],
  ['/bin/sh=/bin/busybox', '/bin/sh', '/bin/busybox', false],
  ['/bin/sh=/bin/busybox?', '/bin/sh', '/bin/busybox', true],
  ['//usr/./lib/', '/usr/lib', '/usr/lib', false],
  ['/', '/', '/', false],
  // Only the last question mark counts.
  ['/a??', '/a?', '/a?', true],
  ['/grüße=/…', '/grüße', '/…', false],
];
for (const [item, target, source, optional] of parsed) {
  test(`a sandbox path: ${item}`, () => {
    assert.deepEqual(parseHostPath(item, meta), {
      target,
      source,
      optional,
      readOnly: true,
      why: 'a test',
      expand: true,
    });
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
  // Nix divides at the first equals sign; a path with one could be meant as well.
  '/a=/b=c',
  '/a\nb',
  '/a\u001b[31m',
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
