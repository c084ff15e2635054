import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNixConf } from '../../ts/config/nix-conf.js';

test('lines, comments, blanks and includes', () => {
  const text = [
    '# a comment',
    '',
    'max-jobs = 4  # trailing',
    '\tsandbox-paths =  /usr   /bin/sh=/bin/busybox ',
    'system-features =',
    'include other.conf',
    '!include /missing.conf\r',
  ].join('\n');
  assert.deepEqual(parseNixConf(text, 'nix.conf'), [
    { kind: 'set', name: 'max-jobs', value: '4', line: 3 },
    { kind: 'set', name: 'sandbox-paths', value: '/usr /bin/sh=/bin/busybox', line: 4 },
    { kind: 'set', name: 'system-features', value: '', line: 5 },
    { kind: 'include', path: 'other.conf', optional: false, line: 6 },
    { kind: 'include', path: '/missing.conf', optional: true, line: 7 },
  ]);
});

for (const line of ['max-jobs', 'max-jobs=4', 'max-jobs 4 =', 'include', 'include a b', '= 3 4']) {
  test(`refuses '${line}' and names the place`, () => {
    assert.throws(() => parseNixConf(`\n${line}\n`, '/etc/x.conf'), {
      code: 'ERR_SETTING',
      message: /\/etc\/x\.conf:2/,
      details: { file: '/etc/x.conf', line: 2 },
    });
  });
}

test('any text either parses or is ERR_SETTING', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        parseNixConf(text, 'f');
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_SETTING');
      }
    }),
  );
});

test('assignments written out are read back', () => {
  const word = fc.stringMatching(/^[!-~]{1,12}$/).filter((text) => !text.includes('#'));
  const name = word.filter((text) => text !== 'include' && text !== '!include');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.array(word))), (pairs) => {
      const text = pairs.map(([key, values]) => `${key} = ${values.join(' ')}\n`).join('');
      assert.deepEqual(
        parseNixConf(text, 'f').map(
          (statement) => statement.kind === 'set' && [statement.name, statement.value],
        ),
        pairs.map(([key, values]) => [key, values.join(' ')]),
      );
    }),
  );
});
