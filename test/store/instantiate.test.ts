import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEvaluator, evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import { instantiate } from '../../ts/store/instantiate.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('instantiate');

test('what is in memory is not read again, and is what would be read', async () => {
  const { derivation } = createEvaluator();
  const about = { system: 'x86_64-linux', builder: '/bin/sh' };
  const below = derivation({ ...about, name: 'below', outputs: ['out', 'dev'], text: 'größer 😀' });
  const beside = derivation({ ...about, name: 'beside', args: ['-c', '"\\\n'] });
  const top = derivation({ ...about, name: 'top', dev: below.dev, inputs: [below, beside] });
  const objects = evaluatedObjects(top);
  const root = join(directory, 'store');
  await using store = await openTestStore(root);
  await instantiate(objects, store);
  await using other = await openTestStore(root);
  assert.equal(objects.length, 3);
  for (const object of objects) {
    assert.ok(object.kind === 'derivation');
    assert.equal(store.readDerivation(object.path), object.derivation);
    const read = other.readDerivation(object.path);
    assert.notEqual(read, object.derivation);
    assert.deepEqual(read, object.derivation);
  }
});
