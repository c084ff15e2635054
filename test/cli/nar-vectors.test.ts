import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { decodeText, encodeText } from '../../ts/base/text.js';
import { readNar } from '../../ts/formats/nar/read.js';
import { dumpTree, type NarTree } from '../../ts/formats/nar/tree.js';
import { native } from '../../ts/native.js';
import { CommandLine } from '../support/command-line.js';
import { fixturePath, readFixture, readTable } from '../support/fixtures.js';
import { treeOf } from '../support/nar-trees.js';
import { temporaryDirectory } from '../support/temporary.js';
import { makeVectorTrees } from '../support/vector-trees.js';

// 22 trees and what Nix 2.8 makes of them, 43 archives and which of them it should not have accepted.
const directory = temporaryDirectory('nar-vectors');
const airplant = new CommandLine(directory);
const rows = readTable('nar', 'hashes.tsv').map(([name, size, sha256, , , , , , , stored]) => ({
  name: name!,
  size: Number(size),
  sha256: sha256!,
  stored: stored === 'yes',
}));

before(() => makeVectorTrees(directory));

for (const { name, size, sha256, stored } of rows) {
  test(`${name}: hashed, dumped, listed, printed and restored`, async () => {
    const path = join(directory, name);
    assert.deepEqual(await native.hashTree(path, []), { hash: sha256, narSize: size, references: [] });
    assert.equal(await output('hash', 'path', '--to', 'base16', name), `${sha256}\n`);

    const { status, stdout: nar } = await airplant.run(['nar', 'dump', name]);
    assert.equal(status, 0);
    if (stored) assert.ok(nar.equals(readFixture('nar', `${name}.nar`)));
    assert.equal(nar.length, size);

    const restored = `restored-${name}`;
    const { stderr } = await airplant.run(
      ['nar', 'restore', restored],
      [nar.subarray(0, 100), nar.subarray(100)],
    );
    assert.equal(stderr, '');
    assert.equal((await native.hashTree(join(directory, restored), [])).hash, sha256);

    const tree = await treeOf(readNar([nar]));
    const listed = await airplant.run(['nar', 'ls', '-R', '-'], [nar]);
    assert.equal(decodeText(listed.stdout), [...paths(tree)].map((line) => `${line}\n`).join(''));
    for (const [line, node] of files(tree, '.')) {
      if (!line.isWellFormed()) continue;
      const { stdout } = await airplant.run(['nar', 'cat', '-', line], [nar]);
      assert.ok(stdout.equals(node.contents), line);
    }
  });
}

const bad = readTable('nar', 'bad', 'expected.tsv');

test('all archives are there', () => {
  assert.equal(rows.length, 22);
  assert.equal(bad.length, 43);
});

for (const [name, , , result] of bad) {
  const sound = result === '=';
  test(`${name}: ${sound ? 'accepted' : 'refused with its name, the place and what should be there'}`, async () => {
    const file = fixturePath('nar', 'bad', `${name}.nar`);
    const nar = readFixture('nar', 'bad', `${name}.nar`);
    const restored = `bad-${name}`;
    const runs = [
      { by: `'${file}'`, ...(await airplant.run(['nar', 'ls', '-R', file])) },
      { by: `'${file}'`, ...(await airplant.run(['nar', 'ls', '--json', file])) },
      { by: 'standard input', ...(await airplant.run(['nar', 'ls', '-'], [nar])) },
      { by: 'standard input', ...(await airplant.run(['nar', 'restore', restored], [nar])) },
    ];
    for (const { by, status, stderr } of runs) {
      if (sound) {
        assert.deepEqual([status, stderr], [0, '']);
        continue;
      }
      assert.equal(status, 1);
      const [error, hint, ...more] = stderr.split('\n');
      assert.ok(error!.startsWith(`error: ${by}: byte `), error);
      assert.match(error!, /byte \d+ of the NAR: expected .+, found ./);
      assert.match(hint!, /^hint: ./);
      assert.deepEqual(more, ['']);
    }
    if (!sound) assert.ok(!existsSync(join(directory, restored)));
    else assert.ok(dumpTree(await treeOf(readNar([nar]))).equals(nar));
  });
}

test('a file of a damaged archive is printed only up to the damage', async () => {
  const { status, stderr } = await airplant.run([
    'nar',
    'cat',
    fixturePath('nar', 'bad', 'truncated-contents.nar'),
    '',
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /truncated-contents\.nar': byte \d+ of the NAR/);
});

test('nothing else is left of all that', () => {
  const names = new Set(rows.map(({ name }) => name));
  const others = readdirSync(directory).filter((name) => !names.has(name.replace(/^restored-/, '')));
  const sound = bad.filter((row) => row[3] === '=').map(([name]) => `bad-${name}`);
  assert.deepEqual(others.sort(), [...sound, '.stdout'].sort());
});

async function output(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await airplant.run(argv);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.toString();
}

/** Every path of a tree, as `nar ls -R` lists them. */
function* paths(tree: NarTree, path = '.'): Generator<string> {
  yield path;
  if (tree.type !== 'directory') return;
  const sorted = [...tree.entries].sort(([a], [b]) => Buffer.compare(encodeText(a), encodeText(b)));
  for (const [name, child] of sorted) yield* paths(child, `${path}/${name}`);
}

/** Up to twenty regular files with their paths. */
function files(tree: NarTree, path: string): [string, Extract<NarTree, { type: 'regular' }>][] {
  if (tree.type === 'regular') return [[path, tree]];
  if (tree.type === 'symlink') return [];
  return [...tree.entries].flatMap(([name, child]) => files(child, `${path}/${name}`)).slice(0, 20);
}
