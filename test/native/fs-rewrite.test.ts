import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HashRewrite, native } from '../../ts/native.js';
import { naiveNar } from '../support/naive-nar.js';
import { naiveHashModulo, naiveRewrite } from '../support/naive-rewrite.js';
import { makeOddTree } from '../support/odd-tree.js';
import { longForm } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32)) as [
  string,
  string,
  string,
  string,
];

/** How much of a file fits into the first buffer, behind the beginning of its archive; a little less fits into the others. */
const buffer = 256 * 1024 - 96;

async function rewrite(path: string, rewrites: readonly HashRewrite[], candidates: readonly string[] = []) {
  await native.canonicaliseTree(path);
  const rewritten = await native.rewriteTree(path, rewrites, candidates);
  const { replaced, ...said } = rewritten;
  assert.deepEqual(said, await native.hashTree(path, candidates), 'what it says of the tree is so');
  return rewritten;
}

// Few characters, so that hash parts overlap one another and themselves, and what is put in makes new ones.
const digit = fc.constantFrom('0', '1');
const hashPart = fc.oneof(
  { weight: 3, arbitrary: fc.nat(4).map((n) => '0'.repeat(n).padEnd(32, '1')) },
  { weight: 1, arbitrary: fc.string({ unit: digit, minLength: 32, maxLength: 32 }) },
);
const pairs = fc.uniqueArray(fc.tuple(hashPart, hashPart), {
  minLength: 1,
  maxLength: 4,
  selector: ([from]) => from,
});
/** Numbers stand for the hash parts that are rewritten. */
const pieces = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.constantFrom('0', '1', '-', '0'.repeat(31), '1'.repeat(40), '\0', '\xff') },
    { weight: 1, arbitrary: fc.string({ unit: digit, maxLength: 40 }) },
  ),
  { minLength: 1, maxLength: 10 },
);

function textOf(texts: readonly (string | number)[], rewrites: readonly HashRewrite[]): string {
  return texts.map((piece) => (typeof piece === 'string' ? piece : (rewrites[piece]?.[0] ?? ''))).join('');
}

test('a file is rewritten as a plain replacement does it, wherever buffers end', async () => {
  const file = join(temporaryDirectory('fs-rewrite'), 'file');
  let replacements = 0;
  await fc.assert(
    fc.asyncProperty(
      pairs,
      pieces,
      fc.array(fc.record({ border: fc.nat(2), before: fc.integer({ min: -40, max: 400 }) }), {
        maxLength: 4,
      }),
      async (rewrites, texts, places) => {
        const text = textOf(texts, rewrites);
        const bytes = Buffer.alloc(places.length === 0 ? 0 : 3 * buffer, '-');
        for (const { border, before } of places) {
          bytes.write(text, Math.max(0, border * buffer - before), 'latin1');
        }
        const content = Buffer.concat([bytes, Buffer.from(text, 'latin1')]);
        const expected = naiveRewrite(content.toString('latin1'), rewrites);
        await native.removeTree(file);
        writeFileSync(file, content);
        const candidates = [...new Set(rewrites.flat())];
        const { replaced } = await rewrite(file, rewrites, candidates);
        assert.ok(readFileSync(file).equals(Buffer.from(expected.text, 'latin1')));
        assert.equal(replaced, expected.places.length);
        replacements += replaced;
      },
    ),
    { numRuns: longForm ? 5000 : 300 },
  );
  assert.ok(replacements > 300, `only ${replacements} replacements`);
});

test('every cut of one hash part by the end of a buffer', async () => {
  const file = join(temporaryDirectory('fs-rewrite'), 'file');
  for (let start = buffer - 33; start <= buffer + 1; start++) {
    await native.removeTree(file);
    writeFileSync(file, `${'-'.repeat(start)}${a}${a}-`);
    assert.equal((await rewrite(file, [[a, b]])).replaced, 2, `at ${start}`);
    assert.equal(readFileSync(file, 'latin1'), `${'-'.repeat(start)}${b}${b}-`);
  }
});

test('where in the file something lies makes no difference', async () => {
  const file = join(temporaryDirectory('fs-rewrite'), 'file');
  await fc.assert(
    fc.asyncProperty(pairs, pieces, fc.nat(600), async (rewrites, texts, before) => {
      const text = textOf(texts, rewrites);
      const results: string[] = [];
      for (const start of [0, buffer - before, 2 * buffer - 31 - before]) {
        await native.removeTree(file);
        writeFileSync(file, `${'-'.repeat(Math.max(0, start))}${text}-`, 'latin1');
        await rewrite(file, rewrites);
        results.push(readFileSync(file, 'latin1').slice(Math.max(0, start)));
      }
      assert.equal(new Set(results).size, 1);
    }),
    { numRuns: longForm ? 2000 : 100 },
  );
});

test('names, targets and contents of a tree; the rest stays as it is', async () => {
  const tree = makeOddTree(join(temporaryDirectory('fs-rewrite'), 'tree'));
  const inside = join(tree, `${a}-directory`);
  mkdirSync(inside);
  writeFileSync(join(inside, `x-${b}`), `${a}${b}${c}`);
  writeFileSync(join(inside, 'program'), `#!/nix/store/${a}-x\n`, { mode: 0o755 });
  chmodSync(join(inside, 'program'), 0o755);
  symlinkSync(`/nix/store/${b}-y/bin`, join(inside, 'link'));
  symlinkSync(`../${c}`, join(inside, 'other-link'));
  linkSync(join(inside, 'program'), join(inside, 'same'));
  const kept = lstatSync(join(tree, 'file-4096')).ino;
  const rewritten = await rewrite(
    tree,
    [
      [a, c],
      [b, d],
    ],
    [a, b, c, d],
  );
  // One in the directory's name, one in the file's, two in its contents, one each in the program and the target.
  assert.equal(rewritten.replaced, 6);
  assert.deepEqual([...rewritten.references].sort(), [c, d]);
  const renamed = join(tree, `${c}-directory`);
  assert.deepEqual(readdirSync(renamed).sort(), ['link', 'other-link', 'program', 'same', `x-${d}`]);
  assert.equal(readFileSync(join(renamed, `x-${d}`), 'latin1'), `${c}${d}${c}`);
  assert.equal(readFileSync(join(renamed, 'same'), 'latin1'), `#!/nix/store/${c}-x\n`);
  assert.equal(readlinkSync(join(renamed, 'link')), `/nix/store/${d}-y/bin`);
  assert.equal(readlinkSync(join(renamed, 'other-link')), `../${c}`);
  assert.equal(lstatSync(join(tree, 'file-4096')).ino, kept);
  for (const [name, mode] of Object.entries({ '': 0o555, program: 0o555, [`x-${d}`]: 0o444, link: 0o777 })) {
    const stats = lstatSync(join(renamed, name));
    assert.deepEqual([stats.mode & 0o7777, stats.mtimeMs], [mode, 1000], name);
  }
});

test('files are archived in the order of their new names', async () => {
  const tree = join(temporaryDirectory('fs-rewrite'), 'tree');
  mkdirSync(tree);
  for (const name of [`${a}`, 'b', `${d}`]) writeFileSync(join(tree, name), name);
  await rewrite(tree, [
    [a, 'z'.repeat(32)],
    [d, '0'.repeat(32)],
  ]);
  assert.deepEqual(readdirSync(tree).sort(), ['0'.repeat(32), 'b', 'z'.repeat(32)]);
});

test('names that become the same are refused', async () => {
  const tree = join(temporaryDirectory('fs-rewrite'), 'tree');
  mkdirSync(tree);
  for (const name of [a, b]) writeFileSync(join(tree, name), '');
  await native.canonicaliseTree(tree);
  await assert.rejects(native.rewriteTree(tree, [[a, b]], []), { code: 'EEXIST', path: tree });
});

test('roots that are files or symlinks, and nothing to rewrite', async () => {
  const directory = temporaryDirectory('fs-rewrite');
  const [file, link] = [join(directory, a), join(directory, 'link')];
  writeFileSync(file, `${a}!`);
  symlinkSync(a, link);
  for (const path of [file, link]) assert.equal((await rewrite(path, [[a, b]])).replaced, 1);
  assert.equal(readFileSync(file, 'latin1'), `${b}!`);
  assert.equal(readlinkSync(link), b);
  assert.deepEqual(readdirSync(directory).sort(), [a, 'link']);
  const { ino, ctimeMs } = lstatSync(file);
  assert.equal((await rewrite(file, [[a, b]])).replaced, 0);
  assert.equal((await rewrite(file, [])).replaced, 0);
  assert.deepEqual([lstatSync(file).ino, lstatSync(file).ctimeMs], [ino, ctimeMs]);
});

test('the hash modulo a hash part is that of zeros and positions', async () => {
  const directory = temporaryDirectory('fs-rewrite');
  const tree = makeOddTree(join(directory, 'tree'));
  writeFileSync(join(tree, `${a}-name`), `${'-'.repeat(buffer - 20)}${a}${a.slice(1)}b${a}`);
  symlinkSync(`/nix/store/${a}-x`, join(tree, 'self'));
  writeFileSync(join(tree, 'zeros'), '\0'.repeat(100));
  const nar = naiveNar(tree);
  const plain = await native.hashTree(tree, []);
  const modulo = await native.hashTree(tree, [a], { modulo: a });
  assert.deepEqual(modulo, { hash: naiveHashModulo(nar, a), narSize: plain.narSize, references: [] });
  assert.notEqual(modulo.hash, plain.hash);
  assert.deepEqual(await native.hashTree(tree, [], { modulo: b }), plain);
});

test('hashes modulo a hash part, of files of few characters', async () => {
  const file = join(temporaryDirectory('fs-rewrite'), 'file');
  await fc.assert(
    fc.asyncProperty(hashPart, pieces, fc.nat(200), async (self, texts, before) => {
      const text = texts.map((piece) => (typeof piece === 'string' ? piece : self)).join('');
      writeFileSync(file, `${'-'.repeat(buffer - before)}${text}`, 'latin1');
      const { hash } = await native.hashTree(file, [], { modulo: self });
      assert.equal(hash, naiveHashModulo(naiveNar(file), self));
    }),
    { numRuns: longForm ? 2000 : 100 },
  );
});

test('more self-references than can be remembered are refused', async () => {
  const file = join(temporaryDirectory('fs-rewrite'), 'file');
  writeFileSync(file, Buffer.alloc(32 * (4 * 2 ** 20 + 1), a));
  await assert.rejects(native.hashTree(file, [], { modulo: a }), { code: 'EOVERFLOW', path: file });
});

test('wrong arguments are told at once', () => {
  for (const wrong of [
    undefined,
    [a],
    [[a]],
    [[a, 'short']],
    [['E'.repeat(32), a]],
    [
      [a, b],
      [a, c],
    ],
  ]) {
    assert.throws(() => native.rewriteTree('/nowhere', wrong as never, []), TypeError);
  }
  for (const modulo of ['', 'short', 'e'.repeat(32), 1]) {
    assert.throws(() => native.hashTree('/nowhere', [], { modulo: modulo as string }), TypeError);
  }
});
