import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestBytes, formatDigest, formatHash, parseHash } from '../../../ts/formats/hash.js';
import { hashBytes } from '../../../ts/formats/hash-bytes.js';
import { makeFixedOutputPath } from '../../../ts/formats/make-store-path.js';
import { readNar } from '../../../ts/formats/nar/read.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { writeNar } from '../../../ts/formats/nar/write.js';
import { readFixture, readTable } from '../../support/fixtures.js';
import { treeOf } from '../../support/nar-trees.js';
import { pseudoRandomBytes } from '../../support/vector-trees.js';

// hashes.tsv was made with Nix 2.8 (nix-store --dump, --add, --add-fixed); three trees are too large to keep.
const rows = readTable('nar', 'hashes.tsv');

test('the table is all there', () => {
  assert.equal(rows.length, 22);
  assert.equal(rows.filter((row) => row[9] === 'yes').length, 19);
});

for (const [name, size, hex, base32, sri, , sha1, narPath, flatPath, stored] of rows) {
  test(`${name}: read, written again, hashed and addressed as Nix does`, async () => {
    const made = generated[name!]?.();
    assert.equal(made === undefined, stored === 'yes');
    const nar = made ? dumpTree(made) : readFixture('nar', `${name}.nar`);

    const hash = hashBytes('sha256', nar);
    assert.equal(nar.length, Number(size));
    assert.equal(hash.hex, hex);
    assert.equal(formatDigest(hash, 'base32'), base32);
    assert.equal(formatHash(hash, 'sri'), sri);
    assert.deepEqual(parseHash(base32!, 'sha256'), hash);
    assert.equal(digestBytes(parseHash(sri!)).toString('hex'), hex);
    assert.equal(formatDigest(hashBytes('sha1', nar), 'base32'), sha1);
    assert.equal(makeFixedOutputPath('/nix/store', { name: name!, method: 'nar', hash }), narPath);

    const tree = await treeOf(readNar([nar]));
    assert.ok(dumpTree(tree).equals(nar));
    const written: Uint8Array[] = [];
    for await (const chunk of writeNar(readNar([nar]))) written.push(Buffer.from(chunk));
    assert.ok(Buffer.concat(written).equals(nar));
    if (tree.type === 'regular') {
      const flat = hashBytes('sha256', tree.contents);
      assert.equal(makeFixedOutputPath('/nix/store', { name: name!, method: 'flat', hash: flat }), flatPath);
    }
  });
}

const generated: Readonly<Record<string, () => NarTree>> = {
  'big-3mb': () => file(pseudoRandomBytes(3_000_000)),
  many: () =>
    directory(
      Array.from({ length: 2000 }, (_, i) => String(i).padStart(5, '0')),
      (name) => Buffer.from(name),
    ),
  sparse: () => directory(['hole'], () => Buffer.alloc(1_000_000)),
};

function file(contents: Uint8Array): NarTree {
  return { type: 'regular', executable: false, contents };
}

function directory(names: string[], contents: (name: string) => Uint8Array): NarTree {
  return { type: 'directory', entries: new Map(names.map((name) => [name, file(contents(name))])) };
}
