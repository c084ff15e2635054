import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatListing, type ListedNode, listNar } from '../../../ts/formats/nar/listing.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { parseNarInfo } from '../../../ts/formats/narinfo.js';
import { fixturePath, readFixture } from '../../support/fixtures.js';
import { anyTree, cut } from '../../support/nar-trees.js';

test('listings are those Nix 2.8 wrote into its cache', async () => {
  const files = readdirSync(fixturePath('cache', 'none')).filter((name) => name.endsWith('.ls'));
  assert.equal(files.length, 16);
  for (const file of files) {
    const narinfo = readFixture('cache', 'none', file.replace(/ls$/, 'narinfo'));
    const { url } = parseNarInfo('/nix/store', narinfo.toString());
    const listing = await listNar([readFixture('cache', 'none', ...url.split('/'))]);
    assert.equal(formatListing(listing), readFixture('cache', 'none', file).toString());
  }
});

test('every file lies where the listing says, and the JSON keeps the order', async () => {
  await fc.assert(
    fc.asyncProperty(anyTree, fc.array(fc.nat(), { maxLength: 5 }), async (tree, places) => {
      const nar = dumpTree(tree);
      const listing = await listNar(cut(nar, places));
      assertSame(listing.root, tree, nar);
      assert.equal((JSON.parse(formatListing(listing)) as { version: number }).version, 1);
    }),
    { numRuns: 300 },
  );
});

test('names that objects treat specially are names like others', async () => {
  const link = { type: 'symlink', target: 'x' } as const;
  const names = ['10', '9', '__proto__', 'constructor', '\udcff'];
  const tree: NarTree = { type: 'directory', entries: new Map(names.map((name) => [name, link])) };
  const json = formatListing(await listNar([dumpTree(tree)]));
  assert.deepEqual(
    [...json.matchAll(/"([^"]+)":\{"type":"symlink"/g)].map((match) => match[1]),
    ['10', '9', '__proto__', 'constructor', '\\udcff'],
  );
});

function assertSame(listed: ListedNode, tree: NarTree, nar: Buffer): void {
  assert.equal(listed.type, tree.type);
  if (listed.type === 'regular' && tree.type === 'regular') {
    assert.equal(listed.executable, tree.executable);
    const contents = nar.subarray(listed.narOffset, listed.narOffset + listed.size);
    assert.deepEqual([...contents], [...tree.contents]);
  } else if (listed.type === 'symlink' && tree.type === 'symlink') {
    assert.equal(listed.target, tree.target);
  } else if (listed.type === 'directory' && tree.type === 'directory') {
    assert.deepEqual(new Set(listed.entries.keys()), new Set(tree.entries.keys()));
    for (const [name, child] of listed.entries) assertSame(child, tree.entries.get(name)!, nar);
  }
}
