import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AirplantError, isAirplantError } from '../../../ts/base/errors.js';
import type { NarEvent } from '../../../ts/formats/nar/event.js';
import { NarParser } from '../../../ts/formats/nar/parser.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { NarWriter } from '../../../ts/formats/nar/write.js';
import { fixturePath, readFixture, readTable } from '../../support/fixtures.js';
import { anyTree } from '../../support/nar-trees.js';

function parse(nar: Uint8Array): NarEvent[] {
  const events: NarEvent[] = [];
  const parser = new NarParser((event) => events.push(event));
  parser.push(nar);
  parser.end();
  return events;
}

function write(events: Iterable<NarEvent>): Buffer {
  const chunks: Uint8Array[] = [];
  const writer = new NarWriter((chunk) => chunks.push(chunk));
  for (const event of events) writer.write(event);
  writer.end();
  return Buffer.concat(chunks);
}

/** The error of a NAR that must be refused; its place lies in the NAR and is named in the message. */
function damage(nar: Uint8Array): { at: number; expected: string } {
  try {
    parse(nar);
  } catch (error) {
    assert.ok(isAirplantError(error, 'ERR_NAR'), String(error));
    const at = error.details['offset'] as number;
    assert.ok(at >= 0 && at <= nar.length);
    assert.ok(error.message.includes(`byte ${at} of the NAR: expected ${error.details['expected']}, found `));
    return { at, expected: error.details['expected'] as string };
  }
  throw assert.fail('it was accepted');
}

const str = (text: string | Uint8Array, fill = 0) => {
  const bytes = Buffer.from(text as string);
  const padding = Buffer.alloc((8 - (bytes.length % 8)) % 8, fill);
  return Buffer.concat([length(BigInt(bytes.length)), bytes, padding]);
};
const length = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};
const strs = (...texts: string[]) => Buffer.concat(texts.map((text) => str(text)));

// What Nix 2.8 makes of each. It accepts fourteen, but unpacks nine of these to something whose NAR is another ("="
// marks the five that come out the same); we accept those five.
const accepted = readTable('nar', 'bad', 'expected.tsv')
  .filter((row) => row[3] === '=')
  .map((row) => row[0]!);
const places: Readonly<Record<string, { at: number; expected: string }>> = {
  'bad-magic': { at: 0, expected: '"nix-archive-1"' },
  'contents-before-type': { at: 40, expected: '"type"' },
  'contents-twice': { at: 104, expected: '")"' },
  'dir-duplicate': { at: 320, expected: "an entry name that sorts after 'a'" },
  'dir-duplicate-dir': { at: 488, expected: "an entry name that sorts after 'a'" },
  'dir-symlink-then-dir': { at: 320, expected: "an entry name that sorts after 'a'" },
  'dir-unsorted': { at: 320, expected: "an entry name that sorts after 'b'" },
  'empty-stream': { at: 0, expected: '"nix-archive-1"' },
  'exec-after-contents': { at: 104, expected: '")"' },
  'exec-value-nonempty': { at: 96, expected: 'an empty string' },
  'file-with-entry': { at: 104, expected: '")"' },
  'huge-length': { at: 88, expected: 'the size of a file, below 2^53' },
  'huge-tag-length': { at: 24, expected: '"("' },
  'name-256': { at: 128, expected: 'an entry name of 1 to 255 bytes' },
  'name-dot': { at: 128, expected: 'an entry name other than `.`, `..` and the empty one' },
  'name-dotdot': { at: 128, expected: 'an entry name other than `.`, `..` and the empty one' },
  'name-empty': { at: 128, expected: 'an entry name other than `.`, `..` and the empty one' },
  'name-missing': { at: 112, expected: '"name"' },
  'name-nul': { at: 128, expected: 'an entry name without `/` or NUL' },
  'name-slash': { at: 128, expected: 'an entry name without `/` or NUL' },
  'node-before-name': { at: 112, expected: '"name"' },
  'node-missing': { at: 144, expected: '"node"' },
  'nonzero-padding': { at: 97, expected: 'zero padding' },
  'nonzero-padding-tag': { at: 33, expected: 'zero padding' },
  'ok-file-no-contents-field': { at: 72, expected: '"executable" or "contents"' },
  'symlink-with-contents': { at: 104, expected: '")"' },
  'target-4096': { at: 88, expected: 'a link target of 1 to 4095 bytes' },
  'target-empty': { at: 88, expected: 'a link target other than the empty one' },
  'target-missing': { at: 72, expected: '"target"' },
  'target-nul': { at: 88, expected: 'a link target without NUL' },
  'trailing-garbage': { at: 120, expected: 'nothing more' },
  'truncated-contents': { at: 146, expected: '50 more bytes of file contents' },
  'truncated-end': { at: 104, expected: '")"' },
  'truncated-magic': { at: 10, expected: '"nix-archive-1"' },
  'two-types': { at: 72, expected: '"executable" or "contents"' },
  'type-missing': { at: 40, expected: '"type"' },
  'unknown-field': { at: 72, expected: '"executable" or "contents"' },
  'unknown-type': { at: 56, expected: '"regular" or "symlink" or "directory"' },
};

for (const file of readdirSync(fixturePath('nar', 'bad')).filter((name) => name.endsWith('.nar'))) {
  const name = file.slice(0, -'.nar'.length);
  test(`${name} is ${accepted.includes(name) ? 'accepted' : 'refused at its place'}`, () => {
    const nar = readFixture('nar', 'bad', file);
    if (accepted.includes(name)) assert.ok(write(parse(nar)).equals(nar));
    else assert.deepEqual(damage(nar), places[name]);
  });
}

test('a NAR cut short at any byte is refused at its end', () => {
  for (const name of ['nested', 'executable', 'symlink-odd', 'empty-file']) {
    const nar = readFixture('nar', `${name}.nar`);
    parse(nar);
    for (let end = 0; end < nar.length; end++) assert.equal(damage(nar.subarray(0, end)).at, end);
    assert.deepEqual(damage(Buffer.concat([nar, Buffer.alloc(1)])), {
      at: nar.length,
      expected: 'nothing more',
    });
  }
});

test('whatever is accepted is written again byte for byte', () => {
  let survivors = 0;
  const change = fc.tuple(
    fc.nat(),
    fc.constantFrom('flip', 'drop word', 'repeat word'),
    fc.integer({ min: 1, max: 255 }),
  );
  fc.assert(
    fc.property(anyTree, change, (tree, [place, how, value]) => {
      const nar = dumpTree(tree);
      const at = place % nar.length;
      const word = at - (at % 8);
      let changed = Buffer.from(nar);
      if (how === 'flip') changed[at]! ^= value;
      else if (how === 'drop word') changed = Buffer.concat([nar.subarray(0, word), nar.subarray(word + 8)]);
      else changed = Buffer.concat([nar.subarray(0, word + 8), nar.subarray(word)]);
      let events: NarEvent[];
      try {
        events = parse(changed);
      } catch (error) {
        assert.ok(isAirplantError(error, 'ERR_NAR'), String(error));
        return;
      }
      survivors++;
      assert.ok(write(events).equals(changed));
    }),
    { numRuns: 3000 },
  );
  assert.ok(survivors > 10);
});

test('CVE-2026-44028: lengths near every power of two that matters are refused before anything is allocated', () => {
  const huge = [
    2n ** 32n,
    2n ** 32n + 1n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
  ];
  for (const value of [...huge, 2n ** 64n - 1n, 2n ** 64n - 7n, 2n ** 64n - 8n, 2n ** 64n - 16n]) {
    const tag = Buffer.concat([strs('nix-archive-1'), length(value), Buffer.alloc(64)]);
    assert.equal(damage(tag).at, 24);
    const name = Buffer.concat([
      strs('nix-archive-1', '(', 'type', 'directory', 'entry', '(', 'name'),
      length(value),
    ]);
    assert.equal(damage(name).at, name.length - 8);
    const target = Buffer.concat([strs('nix-archive-1', '(', 'type', 'symlink', 'target'), length(value)]);
    assert.equal(damage(target).at, target.length - 8);
    const mark = Buffer.concat([strs('nix-archive-1', '(', 'type', 'regular', 'executable'), length(value)]);
    assert.equal(damage(mark).at, mark.length - 8);
    const contents = Buffer.concat([
      strs('nix-archive-1', '(', 'type', 'regular', 'contents'),
      length(value),
    ]);
    // A size a file may have is believed; then the contents are missing.
    const at = value < 2n ** 53n - 1n ? contents.length : contents.length - 8;
    assert.equal(damage(contents).at, at);
  }
  const longTag = Buffer.concat([strs('nix-archive-1'), str('x'.repeat(33))]);
  assert.equal(damage(longTag).at, 24);
});

test('CVE-2026-44028: nodes lie at most 64 deep, however deep the input', () => {
  const open = strs('(', 'type', 'directory', 'entry', '(', 'name', 'd', 'node');
  const close = strs(')', ')');
  const nested = (depth: number) =>
    Buffer.concat([
      strs('nix-archive-1'),
      ...Array<Buffer>(depth - 1).fill(open),
      strs('(', 'type', 'symlink', 'target', 'x', ')'),
      ...Array<Buffer>(depth - 1).fill(close),
    ]);
  for (const depth of [1, 2, 63, 64]) assert.ok(write(parse(nested(depth))).equals(nested(depth)));
  for (const depth of [65, 100_000]) {
    const { at, expected } = damage(nested(depth));
    assert.equal(at, 24 + 64 * open.length);
    assert.match(expected, /at most 64/);
  }
});

test('names of 255 bytes and targets of 4095 pass', () => {
  const name = `${'ü'.repeat(127)}x`;
  const link: NarTree = { type: 'symlink', target: 't'.repeat(4095) };
  assert.equal(parse(dumpTree({ type: 'directory', entries: new Map([[name, link]]) })).length, 4);
  const refused = (entry: string, target: string) =>
    assert.throws(
      () => dumpTree({ type: 'directory', entries: new Map([[entry, { type: 'symlink', target }]]) }),
      (error) => isAirplantError(error, 'ERR_NAR'),
    );
  for (const bad of [`${name}x`, '', '.', '..', 'a/b', 'a\0']) refused(bad, 'x');
  for (const bad of ['t'.repeat(4096), '', 'a\0']) refused('x', bad);
});

test('padding is checked in every string', () => {
  const parts = ['nix-archive-1', '(', 'type', 'directory', 'entry', '(', 'name', 'd', 'node'];
  const more = ['(', 'type', 'regular', 'executable', '', 'contents', 'abc', ')', ')', ')'];
  const all = [...parts, ...more];
  parse(strs(...all));
  all.forEach((text, i) => {
    if (text.length % 8 === 0) return;
    const before = strs(...all.slice(0, i));
    const nar = Buffer.concat([before, str(text, 1), strs(...all.slice(i + 1))]);
    assert.deepEqual(damage(nar), { at: before.length + 8 + text.length, expected: 'zero padding' });
    nar[before.length + 8 + text.length] = 0;
    if (text.length % 8 < 7) assert.equal(damage(nar).at, before.length + 8 + text.length + 1);
  });
});

test('the writer refuses events that make no NAR', () => {
  const regular = (size: number): NarEvent => ({ kind: 'regular', executable: false, size });
  const data: NarEvent = { kind: 'data', chunk: new Uint8Array(2) };
  const end: NarEvent = { kind: 'regular-end' };
  const entry = (name: string): NarEvent => ({ kind: 'entry', name });
  const link: NarEvent = { kind: 'symlink', target: 'x' };
  const directory: NarEvent = { kind: 'directory' };
  const directoryEnd: NarEvent = { kind: 'directory-end' };
  const bad: NarEvent[][] = [
    [],
    [data],
    [entry('a')],
    [directoryEnd],
    [regular(2)],
    [regular(1), data, end],
    [regular(3), data, end],
    [regular(-1), end],
    [regular(0.5), end],
    [regular(2 ** 53), end],
    [regular(0), link],
    [link, link],
    [link, directoryEnd],
    [directory],
    [directory, link],
    [directory, entry('a'), directoryEnd],
    [directory, entry('a'), entry('b')],
    [directory, entry('b'), link, entry('a'), link, directoryEnd],
    [directory, entry('a'), link, entry('a'), link, directoryEnd],
    [directory, directoryEnd, directoryEnd],
    [
      ...Array(65)
        .fill([directory, entry('a')])
        .flat(),
    ],
  ];
  for (const events of bad) {
    assert.throws(
      () => write(events),
      (error: AirplantError) =>
        isAirplantError(error, 'ERR_NAR') && /^cannot write the NAR/.test(error.message),
      JSON.stringify(events.slice(0, 5)),
    );
  }
  assert.ok(write([regular(2), data, end]).length > 0);
});
