import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quote } from '../../ts/base/quote.js';

test('ordinary text stands as it is', () => {
  assert.equal(quote(''), "''");
  assert.equal(quote("grüße 🦉 it's"), "'grüße 🦉 it's'");
});

test('what could drive a terminal or a log is escaped', () => {
  assert.equal(quote('\u001b[31m\r\n\0\u007f\u009b'), "'\\x1b[31m\\x0d\\x0a\\x00\\x7f\\x9b'");
  assert.equal(quote('\u202e\u2028\u2066\ufeff\ue000'), "'\\u{202e}\\u{2028}\\u{2066}\\u{feff}\\u{e000}'");
  assert.equal(quote('a\udcff\ud800'), "'a\\xff\\u{d800}'");
});

test('a long value is cut', () => {
  assert.equal(quote('x'.repeat(120)), `'${'x'.repeat(120)}'`);
  assert.equal(quote('x'.repeat(121)), `'${'x'.repeat(120)}…' (1 more)`);
  assert.equal(quote('abcdef', 2), "'ab…' (4 more)");
});
