import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { referringFiles, whereReferred } from '../../ts/build/referring-files.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('referring');
const hash = '0123456789abcdfghijklmnpqrsvwxyz';
const { signal } = new AbortController();

const tree = join(directory, 'tree');
mkdirSync(join(tree, 'b', `${hash}-named`), { recursive: true });
mkdirSync(join(tree, 'a'));
// The text lies across the end of any block that is a power of two.
writeFileSync(join(tree, 'a', 'large'), `${'x'.repeat(2 ** 20 - 16)}${hash}`);
writeFileSync(join(tree, 'a', 'other'), `${hash.slice(1)}0`);
symlinkSync(`/nix/store/${hash}-x/bin`, join(tree, 'b', 'link'));
symlinkSync(join(tree, 'a', 'large'), join(tree, 'b', 'not-followed'));
const odd = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff])]);
writeFileSync(odd, hash);
const all = ['a/large', `b/${hash}-named`, 'b/link', '\udcff'];

test('contents, targets of links and names, in byte order, and not where a link leads', async () => {
  assert.deepEqual(await referringFiles(tree, hash, { limit: 10, signal }), all);
  assert.deepEqual(await referringFiles(tree, hash, { limit: 2, signal }), all.slice(0, 2));
  assert.deepEqual(await referringFiles(tree, 'z'.repeat(32), { limit: 10, signal }), []);
  assert.deepEqual(await referringFiles(join(tree, 'a', 'large'), hash, { limit: 1, signal }), ['.']);
});

test('in words: quoted, and not too many', async () => {
  assert.equal(await whereReferred(tree, hash, signal), `'a/large', 'b/${hash}-named', 'b/link' and others`);
  const alone = join(directory, 'alone');
  mkdirSync(alone);
  writeFileSync(join(alone, 'a\n\x1b[31m'), hash);
  assert.equal(await whereReferred(alone, hash, signal), "'a\\x0a\\x1b[31m'");
  assert.equal(await whereReferred(join(directory, 'nowhere'), hash, signal), 'files that cannot be told');
});

test('an abort ends the search', async () => {
  await assert.rejects(whereReferred(tree, hash, AbortSignal.abort(new Error('stop'))), /stop/);
});
