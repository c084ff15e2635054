import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AirplantError } from '../../ts/base/errors.js';
import { asFailedBuilder } from '../../ts/build/failed-builder.js';

const drvPath = '/nix/store/x.drv';

test('a builder that cannot be executed has failed, as Nix tells it, and what we know is the hint', () => {
  const cause = new AirplantError('ERR_BUILDER_MISSING', 'it does not exist', {
    hint: 'Show it.',
    details: { step: 'exec', errno: 'ENOENT', path: '/bin/no\x1bwhere' },
  });
  const { error, logged } = asFailedBuilder(drvPath, cause);
  assert.deepEqual(logged, ["error: executing '/bin/no\\x1bwhere': No such file or directory"]);
  assert.ok(error instanceof AirplantError);
  assert.equal(error.message, `builder for '${drvPath}' failed with exit code 1`);
  assert.equal(error.hint, 'It does not exist. Show it.');
  assert.deepEqual([error.code, error.exitStatus], ['ERR_BUILDER_MISSING', 100]);
  assert.deepEqual(error.details['lastLines'], logged);
});

test('one that was not even tried has nothing to say in its log', () => {
  const cause = new AirplantError('ERR_BUILDER_MISSING', "it is 'x', which is not an absolute path");
  const { error, logged } = asFailedBuilder(drvPath, cause);
  assert.deepEqual(logged, []);
  assert.ok(error instanceof AirplantError);
  assert.match(error.hint, /^It is 'x', which is not an absolute path\. The builder must lie in an input/);
});

test('an errno that has no words here is told by its name', () => {
  const cause = new AirplantError('ERR_BUILDER_EXEC', 'why', { details: { errno: 'EIO', path: '/x' } });
  assert.deepEqual(asFailedBuilder(drvPath, cause).logged, ["error: executing '/x': EIO"]);
});

test('whatever else keeps a builder from running stays what it is', () => {
  for (const error of [new AirplantError('ERR_SANDBOX_SETUP', 'x'), new Error('y')]) {
    assert.deepEqual(asFailedBuilder(drvPath, error), { error, logged: [] });
  }
});
