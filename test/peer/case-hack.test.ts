import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { readNar } from '../../ts/formats/nar/read.js';
import { dumpTree, type NarTree } from '../../ts/formats/nar/tree.js';
import { native } from '../../ts/native.js';
import { restoreNar } from '../../ts/store/restore-nar.js';
import { naiveNar } from '../support/naive-nar.js';
import { longForm, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const withHack = { caseHack: true };
const hackOption = ['--option', 'use-case-hack', 'true'];
const needs = requires('linux', 'program:nix-store', 'program:nix-hash');

/** Trees in which most names have another in the same letters. */
const name = fc
  .string({ unit: fc.constantFrom('a', 'A', 'b', 'B', '.', 'é', 'É'), minLength: 1, maxLength: 3 })
  .filter((text) => !/^\.\.?$/.test(text));
const directoryOf = (child: fc.Arbitrary<NarTree>): fc.Arbitrary<NarTree> =>
  fc
    .uniqueArray(fc.tuple(name, child), { selector: ([text]) => text, maxLength: 10 })
    .map((entries): NarTree => ({ type: 'directory', entries: new Map(entries) }));
const leaf = fc.constant<NarTree>({ type: 'regular', executable: false, contents: Buffer.from('x') });
const collidingTree = directoryOf(fc.oneof(leaf, directoryOf(leaf)));
const everyCase = ['AB', 'Ab', 'aB', 'ab'].map((text) => [text, { type: 'symlink', target: text }] as const);

test('Nix and we unpack to the same names, and make the same archive of them again', needs, async () => {
  const directory = temporaryDirectory('peer-case-hack');
  const samples = fc.sample(collidingTree, { numRuns: longForm ? 1000 : 50, seed: 20 });
  const entries = new Map<string, NarTree>(samples.map((child, i) => [`tree-${i}`, child]));
  entries.set('every-case', { type: 'directory', entries: new Map(everyCase) });
  const nar = dumpTree({ type: 'directory', entries });

  const [theirs, ours] = [join(directory, 'theirs'), join(directory, 'ours')];
  execFileSync('nix-store', [...hackOption, '--restore', theirs], { input: nar });
  await restoreNar(readNar([nar]), ours, withHack);
  const raw = naiveNar(ours);
  assert.ok(raw.includes('~nix~case~hack~3'), 'the trees hold collisions');
  assert.ok(raw.equals(naiveNar(theirs)), 'the same names on disk');

  const options = { maxBuffer: 1e9 };
  assert.ok(execFileSync('nix-store', [...hackOption, '--dump', ours], options).equals(nar));
  const { hex } = hashBytes('sha256', nar);
  assert.equal((await native.hashTree(theirs, [], withHack)).hash, hex);
  const nixHash = execFileSync('nix-hash', [...hackOption, '--type', 'sha256', ours], { encoding: 'utf8' });
  assert.equal(nixHash.trim(), hex);
});

test('names that Nix has no archive for, or one that cannot be read, we refuse', needs, async () => {
  const directory = temporaryDirectory('peer-case-hack');
  const trees: readonly (readonly string[])[] = [
    ['a', 'a~nix~case~hack~1'],
    ['a~nix~case~hack~1', 'a~nix~case~hack~22'],
    ['a~nix~case~hack~x', 'a'],
    ['~nix~case~hack~1'],
  ];
  for (const [i, names] of trees.entries()) {
    const path = join(directory, `${i}`);
    mkdirSync(path);
    for (const one of names) writeFileSync(join(path, one), '');
    const dump = spawnSync('nix-store', [...hackOption, '--dump', path], { maxBuffer: 1e9 });
    const restored = spawnSync('nix-store', ['--restore', `${path}.restored`], { input: dump.stdout });
    assert.ok(dump.status !== 0 || restored.status !== 0, names.join(' '));
    await assert.rejects(native.hashTree(path, [], withHack));
  }
});
