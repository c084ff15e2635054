import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatListing, listNar } from '../../../ts/formats/nar/listing.js';
import { openFileRanges } from '../../../ts/store/nar-sources/file-ranges.js';
import { treeRanges } from '../../../ts/store/nar-sources/tree-ranges.js';
import { naiveNar } from '../../support/naive-nar.js';
import { makeOddTree } from '../../support/odd-tree.js';
import { openTestStore } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('tree-ranges');
const odd = makeOddTree(join(directory, 'odd'));
const nar = naiveNar(odd);

test('the ranges of a tree are those of its NAR, wherever they begin and end', async () => {
  const ranges = await treeRanges(odd);
  assert.equal(ranges.size, nar.length);
  assert.ok(Buffer.from(await ranges.read(0, nar.length)).equals(nar));
  assert.equal(formatListing(ranges.listing), formatListing(await listNar([nar])));
  const place = fc.nat({ max: nar.length - 1 });
  const property = fc.asyncProperty(place, fc.integer({ min: 1, max: 300_000 }), async (offset, wanted) => {
    const length = Math.min(wanted, nar.length - offset);
    assert.ok(Buffer.from(await ranges.read(offset, length)).equals(nar.subarray(offset, offset + length)));
  });
  await fc.assert(property, { numRuns: 200 });
});

test('several may read at the same time', async () => {
  const ranges = await treeRanges(odd);
  const reads = Array.from({ length: 50 }, (_, i) => i * Math.floor(nar.length / 51));
  const parts = await Promise.all(reads.map((offset) => ranges.read(offset, 5000)));
  for (const [i, part] of parts.entries())
    assert.ok(Buffer.from(part).equals(nar.subarray(reads[i], reads[i]! + 5000)));
});

test('with the case hack, names are without it, and two for one are refused', async () => {
  const tree = join(directory, 'hacked');
  mkdirSync(tree);
  writeFileSync(join(tree, 'A'), '1');
  writeFileSync(join(tree, 'a~nix~case~hack~1'), '2');
  const { listing } = await treeRanges(tree, { caseHack: true });
  assert.ok(listing.root.type === 'directory');
  assert.deepEqual([...listing.root.entries.keys()], ['A', 'a']);
  writeFileSync(join(tree, 'a'), '3');
  await assert.rejects(treeRanges(tree, { caseHack: true }), { code: 'ERR_NAR' });
});

test('a file that has changed, has become a symlink or is no file is refused', async () => {
  const tree = join(directory, 'changing');
  mkdirSync(tree);
  const file = join(tree, 'file');
  writeFileSync(file, 'contents');
  const { read, listing } = await treeRanges(tree);
  assert.ok(listing.root.type === 'directory');
  const node = listing.root.entries.get('file');
  assert.ok(node?.type === 'regular');
  assert.equal(Buffer.from(await read(node.narOffset, 8)).toString(), 'contents');
  appendFileSync(file, '!');
  await assert.rejects(read(node.narOffset, 8), { code: 'ERR_NAR', message: /file' has changed/ });
  unlinkSync(file);
  symlinkSync('/etc/passwd', file);
  await assert.rejects(read(node.narOffset, 8), { code: 'ELOOP' });
  unlinkSync(file);
  execFileSync('mkfifo', [file]);
  await assert.rejects(read(node.narOffset, 8), { code: 'ERR_NAR' });
  await assert.rejects(treeRanges(tree), { code: 'ERR_UNSUPPORTED_FILE' });
});

test('a valid path is looked into where it lies', async () => {
  await using store = await openTestStore(join(directory, 'store'));
  const { path } = await store.addPath({ name: 'odd', source: odd });
  const accessor = await store.openNar(path);
  assert.equal((await buffer(accessor.read('link-to-directory/b/c/d/leaf'))).toString(), 'leaf\n');
  assert.equal((await buffer(accessor.read('file-700001'))).length, 700_001);
  await assert.rejects(store.openNar(`/nix/store/${'0'.repeat(32)}-none`), { code: 'ERR_PATH_INVALID' });
});

test('a file: its bytes, and an error when it becomes shorter', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, nar);
  await using ranges = openFileRanges(file);
  assert.equal(ranges.size, nar.length);
  assert.ok(Buffer.from(await ranges.read(100, 1000)).equals(nar.subarray(100, 1100)));
  truncateSync(file, 500);
  await assert.rejects(ranges.read(100, 1000), { code: 'ERR_FILE', message: /has become shorter/ });
  assert.throws(() => openFileRanges(directory), { code: 'ERR_FILE' });
  assert.throws(() => openFileRanges(join(directory, 'none')), { code: 'ERR_FILE', message: /ENOENT/ });
});
