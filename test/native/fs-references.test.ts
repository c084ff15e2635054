import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { native } from '../../ts/native.js';
import { temporaryDirectory } from '../support/temporary.js';

const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';

test('references are found wherever they lie, also across the borders of blocks', async () => {
  const directory = temporaryDirectory('fs-references');
  const file = join(directory, 'file');
  const block = 256 * 1024;
  const hashPart = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 32, maxLength: 32 });
  const placement = fc.record({
    border: fc.integer({ min: 0, max: 5 }),
    offset: fc.integer({ min: -200, max: 200 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(hashPart, { minLength: 1, maxLength: 5 }),
      fc.array(placement, { maxLength: 8 }),
      fc.constantFrom('\0', ' ', 'e', '0', 'z'),
      async (parts, placements, filler) => {
        const bytes = Buffer.alloc(5 * block + 1000, filler);
        placements.forEach(({ border, offset }, i) => {
          bytes.write(parts[i % parts.length]!, Math.max(0, border * block + offset), 'latin1');
        });
        writeFileSync(file, bytes);
        const { references } = await native.hashTree(file, parts);
        assert.deepEqual(
          references,
          parts.filter((part) => bytes.includes(part)),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('references in every place of a small alphabet, against a naive search', async () => {
  const file = join(temporaryDirectory('fs-references'), 'file');
  const text = fc.string({ unit: fc.constantFrom('0', 'z', 'e'), minLength: 0, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 6 }), async (content, places) => {
      const windows = places.map((at) => content.slice(at % 300, (at % 300) + 32));
      const candidates = [...new Set([...windows, '0'.repeat(32)])].filter((w) => /^[0z]{32}$/.test(w));
      writeFileSync(file, content);
      const { references } = await native.hashTree(file, candidates);
      assert.deepEqual(
        references,
        candidates.filter((candidate) => content.includes(candidate)),
      );
    }),
    { numRuns: 200 },
  );
});

test('references in names and targets count, near misses do not', async () => {
  const directory = temporaryDirectory('fs-references');
  const [inName, inTarget, split, upper] = ['a', 'b', 'c', 'd'].map((c) => c.repeat(32));
  writeFileSync(join(directory, `${inName}-name`), '');
  symlinkSync(`/nix/store/${inTarget}-x`, join(directory, 'link'));
  writeFileSync(join(directory, 'split'), `${split!.slice(16)}\n${split!.slice(16)}`);
  writeFileSync(join(directory, 'upper'), upper!.toUpperCase());
  const candidates = [upper!, inTarget!, split!, inName!, inTarget!];
  const { references } = await native.hashTree(directory, candidates);
  assert.deepEqual(references, [inTarget, inName]);
  for (const wrong of ['', 'a'.repeat(31), 'e'.repeat(32), 'A'.repeat(32), `${'a'.repeat(32)}-x`]) {
    assert.throws(() => native.hashTree(directory, [wrong]), TypeError);
  }
});
