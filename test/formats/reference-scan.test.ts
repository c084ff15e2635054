import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { nixBase32Alphabet } from '../../ts/formats/nixbase32.js';
import { ReferenceScanner } from '../../ts/formats/reference-scan.js';
import { cut } from '../support/nar-trees.js';
import { longForm } from '../support/requires.js';

const a = '73rbvcsk91mg1xh1js6b34cvf9nmcsjf';
const b = '5akl8zsmda0yrr63v4khwgskih2g2hsh';

function scan(candidates: string[], chunks: Iterable<Uint8Array>): string[] {
  const scanner = new ReferenceScanner(candidates);
  for (const chunk of chunks) scanner.push(chunk);
  return scanner.found().sort();
}

function naive(candidates: string[], bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('latin1');
  return [...new Set(candidates.filter((candidate) => text.includes(candidate)))].sort();
}

test('hash parts are found wherever they stand', () => {
  for (const text of [
    a,
    `/nix/store/${a}-x`,
    `x${a}`,
    `${a}x`,
    `0${a}0`,
    `${a.slice(0, 31)}${a}`,
    `\xff${a}\xff`,
  ])
    assert.deepEqual(scan([a, b], [Buffer.from(text, 'latin1')]), [a], text);
  assert.deepEqual(scan([a, b], [Buffer.from(b + a)]), [b, a]);
  assert.deepEqual(scan([a, b, a], [Buffer.from(a + a + a)]), [a]);
});

test('what only looks like one is not found', () => {
  for (const text of ['', a.slice(1), a.slice(0, 31), a.toUpperCase(), `${a.slice(0, 16)}-${a.slice(16)}`])
    assert.deepEqual(scan([a, b], [Buffer.from(text)]), [], text);
  assert.deepEqual(scan([a], [Buffer.from(a, 'utf16le')]), []);
  assert.deepEqual(scan([], [Buffer.from(a)]), []);
});

test('every cut of one reference into two or into bytes', () => {
  const bytes = Buffer.from(`see /nix/store/${a}-greeting`);
  for (let at = 0; at <= bytes.length; at++)
    assert.deepEqual(scan([a], [bytes.subarray(0, at), bytes.subarray(at)]), [a]);
  assert.deepEqual(scan([a], cut(bytes, Array.from(bytes.keys()))), [a]);
});

test('a chunk may be overwritten once it was pushed', () => {
  const buffer = Buffer.from(a);
  const scanner = new ReferenceScanner([a]);
  scanner.push(buffer.subarray(0, 20));
  buffer.copy(buffer, 0, 20);
  scanner.push(buffer.subarray(0, 12));
  assert.deepEqual(scanner.found(), [a]);
});

// Candidates of two letters in data of three or four: windows overlap, nearly match and cross every border.
test('the same as a plain search', () => {
  const digits = fc.constantFrom('0', '1');
  const candidate = fc.oneof(
    { weight: 3, arbitrary: fc.nat(4).map((n) => '0'.repeat(n).padEnd(32, '1')) },
    { weight: 1, arbitrary: fc.array(digits, { minLength: 32, maxLength: 32 }).map((list) => list.join('')) },
  );
  const filler = fc.oneof(
    fc.constantFrom('0', '1', '-', 'e', '0'.repeat(31), '1'.repeat(31), '1'.repeat(40), nixBase32Alphabet),
    fc.string({ maxLength: 3 }),
  );
  let hits = 0;
  fc.assert(
    fc.property(
      fc.array(candidate, { minLength: 1, maxLength: 6 }),
      fc.array(fc.oneof(filler, fc.nat(5)), { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (candidates, pieces, places) => {
        const text = pieces
          .map((piece) => (typeof piece === 'string' ? piece : (candidates[piece] ?? '')))
          .join('');
        const bytes = Buffer.from(text);
        const expected = naive(candidates, bytes);
        hits += expected.length;
        assert.deepEqual(scan(candidates, cut(bytes, places)), expected);
      },
    ),
    { numRuns: longForm ? 50_000 : 3000 },
  );
  assert.ok(hits > 1000);
});

test('many candidates in much data', () => {
  const digits = Buffer.from(nixBase32Alphabet);
  let state = 1;
  const digit = () => {
    state = (Math.imul(1103515245, state) + 12345) >>> 0;
    return digits[state >>> 27]!;
  };
  const data = Buffer.from(Array.from({ length: 300_000 }, digit));
  const inside = Array.from({ length: 500 }, (_, i) => data.toString('latin1', i * 590, i * 590 + 32));
  const outside = Array.from({ length: 5000 }, () =>
    String.fromCharCode(...Array.from({ length: 32 }, digit)),
  );
  const chunks = cut(
    data,
    Array.from({ length: 200 }, (_, i) => i * 1499),
  );
  assert.deepEqual(scan([...inside, ...outside], chunks), inside.sort());
});

test('a candidate that is no hash part is refused', () => {
  for (const bad of ['', a.slice(1), `${a}0`, `e${a.slice(1)}`, `/nix/store/${a}`])
    assert.throws(
      () => new ReferenceScanner([bad]),
      (error) => isAirplantError(error, 'ERR_STORE_PATH'),
    );
});
