import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import { loadCorpus } from './corpus.js';
import { handmadeDerivations } from './handmade.js';

test('the same expressions give the same .drv files as in Nix, byte for byte', () => {
  const { files } = loadCorpus('handmade');
  const made = handmadeDerivations();
  assert.ok(made.length > 60);
  for (const value of made) {
    const object = evaluatedObjects(value).at(-1);
    assert.ok(object?.kind === 'derivation');
    const expected = [...files].find(
      ([path]) => path.slice(44) === `${value.name}.drv` && path === value.drvPath,
    );
    const sameName = [...files].find(([path]) => path.slice(44) === `${value.name}.drv`);
    assert.ok(expected, `${value.name}:\n${object.bytes}\n${sameName?.[1]}`);
    assert.ok(object.bytes.equals(expected[1]));
  }
});
