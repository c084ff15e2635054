import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSubstituterUri } from '../../ts/substitute/substituter-uri.js';

test('what concerns the substituter is told from what concerns the store', () => {
  const read = (uri: string) => {
    const { store, trusted, priority } = parseSubstituterUri(uri);
    return [store, trusted, priority];
  };
  assert.deepEqual(read('/some/where'), ['/some/where', false, undefined]);
  assert.deepEqual(read('/some/where?trusted=1'), ['/some/where', true, undefined]);
  assert.deepEqual(read('local?root=/r&priority=-3&trusted=false'), ['local?root=/r', false, -3]);
  assert.deepEqual(read('local?priority=7&root=/r'), ['local?root=/r', false, 7]);
  // The last one counts.
  assert.deepEqual(read('/x?trusted=0&trusted=yes'), ['/x', true, undefined]);
});

test('a parameter that makes no sense is refused', () => {
  for (const uri of [
    '/x?trusted=perhaps',
    '/x?priority=high',
    '/x?priority=',
    '/x?trusted=',
    '/x?priority=1e3',
  ]) {
    assert.throws(() => parseSubstituterUri(uri), { code: 'ERR_SETTING' }, uri);
  }
});
