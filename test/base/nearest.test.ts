import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestWord } from '../../ts/base/nearest.js';

const words = ['build', 'log', 'run', 'show-derivation', 'show-sandbox'];

test('names the word that was meant', () => {
  assert.equal(nearestWord('biuld', words), 'build');
  assert.equal(nearestWord('lo', words), 'log');
  assert.equal(nearestWord('show-sandbx', words), 'show-sandbox');
});

test('and none when nothing is near', () => {
  assert.equal(nearestWord('frobnicate', words), undefined);
  assert.equal(nearestWord('x', []), undefined);
  assert.equal(nearestWord('b'.repeat(1e6), words), undefined);
});
