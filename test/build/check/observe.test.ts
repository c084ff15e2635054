import assert from 'node:assert/strict';
import { cpSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAirplantError } from '../../../ts/base/errors.js';
import { longestDecoded } from '../../../ts/build/check/compare-contents.js';
import { compareOutputs } from '../../../ts/build/check/observe.js';
import { makeOddTree } from '../../support/odd-tree.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('observe');

test('two copies of an odd tree, and what was changed in one of them', async () => {
  const a = makeOddTree(join(directory, 'a'));
  const b = makeOddTree(join(directory, 'b'));
  assert.deepEqual(await compareOutputs([{ name: 'out', a, b }]), { differences: [], more: 0 });
  writeFileSync(join(b, 'a/b/c/d/leaf'), 'loaf\n');
  const { differences } = await compareOutputs([
    { name: 'out', a, b },
    { name: 'dev', a: b, b: a },
  ]);
  assert.deepEqual(
    differences.map(({ output, difference, examined }) => [
      output,
      difference.path,
      examined?.format,
      examined?.spots.map((spot) => [spot.kind, spot.a?.text, spot.b?.text]),
    ]),
    [
      ['out', 'a/b/c/d/leaf', 'text', [['line', 'leaf', 'loaf']]],
      ['dev', 'a/b/c/d/leaf', 'text', [['line', 'loaf', 'leaf']]],
    ],
  );
});

test('a long file has the ranges in which it differs for spots', async () => {
  const [a, b] = ['long-a', 'long-b'].map((name) => join(directory, name)) as [string, string];
  for (const [file, text] of [
    [a, 'one'],
    [b, 'two'],
  ] as const) {
    writeFileSync(file, text);
    truncateSync(file, longestDecoded + 1);
  }
  const { differences } = await compareOutputs([{ name: 'out', a, b }]);
  assert.deepEqual(
    differences[0]!.examined!.spots.map(({ kind, start, end }) => [kind, start, end]),
    [['bytes', 0, 3]],
  );
});

test('of very many differences the first thousand are kept, and the others counted', async () => {
  const [a, b] = ['many-a', 'many-b'].map((name) => join(directory, name)) as [string, string];
  mkdirSync(a);
  for (let i = 0; i < 1100; i++) writeFileSync(join(a, `${i}`), '1');
  cpSync(a, b, { recursive: true });
  for (let i = 0; i < 1100; i++) writeFileSync(join(b, `${i}`), '2');
  const { differences, more } = await compareOutputs([{ name: 'out', a, b }]);
  assert.equal(differences.length, 1000);
  assert.equal(more, 100);
  assert.equal(differences.filter(({ examined }) => examined).length, 100);
});

test('an output that is not there is an error that names it', async () => {
  await assert.rejects(
    compareOutputs([{ name: 'out', a: join(directory, 'a'), b: join(directory, 'nowhere') }]),
    (error) => isAirplantError(error, 'ERR_SYSTEM') && /output 'out'.*nowhere.*ENOENT/.test(error.message),
  );
});
