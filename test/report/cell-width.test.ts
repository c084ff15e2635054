import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cellWidth, truncateCells } from '../../ts/report/cell-width.js';

test('widths', () => {
  assert.equal(cellWidth('abc'), 3);
  assert.equal(cellWidth('漢字'), 4);
  assert.equal(cellWidth('e\u0301'), 1);
  assert.equal(cellWidth('😀'), 2);
  assert.equal(cellWidth('\x1b[1;31mab\x1b[0m'), 2);
});

test('cutting', () => {
  assert.equal(truncateCells('abcdef', 6), 'abcdef');
  assert.equal(truncateCells('abcdef', 4), 'abc…');
  assert.equal(truncateCells('漢字漢字', 4), '漢…');
  assert.equal(truncateCells('\x1b[31mabcdef\x1b[0m', 4), '\x1b[31mabc…\x1b[0m');
  assert.equal(truncateCells('abc', 0), '');
});

test('a cut text always fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 40 }), (text, columns) => {
      assert.ok(cellWidth(truncateCells(text, columns)) <= columns);
    }),
  );
});
