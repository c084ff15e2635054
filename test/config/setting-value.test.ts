import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSettingValue, formatSettingValue, parseSettingValue } from '../../ts/config/setting-value.js';
import type { SettingKind } from '../../ts/config/settings.js';

const host = { cpus: 6 };

const accepted: readonly [SettingKind, string, unknown][] = [
  ['text', ' a b ', 'a b'],
  ['list', ' a  b ', ['a', 'b']],
  ['list', '', []],
  ['boolean', 'yes', true],
  ['boolean', '0', false],
  ['count', '17', 17],
  ['bytes', '2K', 2048],
  ['bytes', '3g', 3 * 1024 ** 3],
  ['jobs', 'auto', 6],
  ['jobs', '0', 0],
  ['sandbox', 'relaxed', 'relaxed'],
  ['sandbox', 'false', false],
];
for (const [kind, text, value] of accepted) {
  test(`${kind} '${text}'`, () => {
    assert.deepEqual(parseSettingValue({ name: 'x', kind }, text, host), value);
  });
}

const refused: readonly [SettingKind, string][] = [
  ['boolean', 'maybe'],
  ['boolean', 'TRUE'],
  ['boolean', ''],
  ['count', '-1'],
  ['count', '1.5'],
  ['count', '1e3'],
  ['count', ''],
  ['count', '9007199254740993'],
  ['count', '9'.repeat(400)],
  ['bytes', '9000000000000T'],
  ['bytes', 'K'],
  ['jobs', 'automatic'],
  ['sandbox', 'relax'],
];
for (const [kind, text] of refused) {
  test(`${kind} refuses '${text.slice(0, 20)}'`, () => {
    assert.throws(() => parseSettingValue({ name: 'the-name', kind }, text, host), {
      code: 'ERR_SETTING',
      message: /the-name/,
    });
  });
}

test('values from a program are checked, and strings parsed', () => {
  assert.equal(checkSettingValue({ name: 'x', kind: 'jobs' }, 'auto', host), 6);
  assert.deepEqual(checkSettingValue({ name: 'x', kind: 'list' }, ['/a', '/b'], host), ['/a', '/b']);
  assert.equal(checkSettingValue({ name: 'x', kind: 'sandbox' }, false, host), false);
  const wrong: readonly [SettingKind, unknown][] = [
    ['list', ['a b']],
    ['list', [1]],
    ['list', {}],
    ['count', -1],
    ['count', Number.NaN],
    ['boolean', 1],
    ['boolean', null],
    ['text', 3],
    ['text', () => 3],
  ];
  for (const [kind, value] of wrong) {
    assert.throws(() => checkSettingValue({ name: 'x', kind }, value, host), { code: 'ERR_SETTING' });
  }
});

test('formatted as nix.conf writes them', () => {
  assert.equal(formatSettingValue(['a', 'b']), 'a b');
  assert.equal(formatSettingValue(true), 'true');
  assert.equal(formatSettingValue('relaxed'), 'relaxed');
});

test('a number larger than a setting may be is refused, and the message says so', () => {
  const setting = { name: 'x', kind: 'count', most: 10 } as const;
  assert.equal(parseSettingValue(setting, '10', host), 10);
  const wrong = {
    code: 'ERR_SETTING',
    message: "setting 'x' cannot be 11: it is a whole number from 0 to 10",
  };
  assert.throws(() => checkSettingValue(setting, 11, host), wrong);
  assert.throws(() => parseSettingValue(setting, '11', host), { code: 'ERR_SETTING' });
});
