import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ar } from '../../../ts/build/check/decode/ar.js';
import { elf } from '../../../ts/build/check/decode/elf-sections.js';
import type { Format } from '../../../ts/build/check/decode/part.js';
import { tar } from '../../../ts/build/check/decode/tar.js';
import { zip } from '../../../ts/build/check/decode/zip.js';
import { type Examined, examine } from '../../../ts/build/check/examine.js';
import { lineSpots } from '../../../ts/build/check/line-spots.js';
import { mostSpots } from '../../../ts/build/check/spot.js';
import { readFixture } from '../../support/fixtures.js';
import { longForm } from '../../support/requires.js';

// test/fixtures/check: the same files made twice, at Unix times 1795275666 and one second later. In the second run the
// first two members of the tar file are swapped, and modes are 0664 instead of 0644.

function pair(name: string) {
  return { a: readFixture('check', 'a', name), b: readFixture('check', 'b', name) };
}

/** One line for each spot: kind, place, field and both texts. */
function summary({ spots }: Examined): string[] {
  const long = /a{120}/;
  return spots.map(({ kind, trail, field, a, b }) =>
    [kind, [...trail, ...(field ? [field] : [])].join(' > '), `${a?.text} | ${b?.text}`]
      .join(': ')
      .replaceAll(new RegExp(long, 'g'), 'aaa'),
  );
}

const membersOfTar = (place: string) => [
  `order: ${place}: member x\nmember dir/y\nmember aaa/long | member dir/y\nmember x\nmember aaa/long`,
  ...['x', 'dir/y', 'aaa/long'].flatMap((name) => [
    `field: ${place === '' ? '' : `${place} > `}member ${name} > mode: 0644 | 0664`,
    `field: ${place === '' ? '' : `${place} > `}member ${name} > mtime: 1795275666 | 1795275667`,
    ...(name === 'x'
      ? [`line: ${place === '' ? '' : `${place} > `}member x: built at 1795275666 | built at 1795275667`]
      : []),
  ]),
];

const expected: Readonly<Record<string, { readonly format: string; readonly spots: readonly string[] }>> = {
  'x.tar': { format: 'tar', spots: membersOfTar('') },
  'x.tar.gz': {
    format: 'gzip',
    spots: ['field: gzip header > mtime: 1795275666 | 1795275667', ...membersOfTar('gzip contents')],
  },
  'x.zip': {
    format: 'zip',
    spots: [
      'field: entry META-INF/MANIFEST.MF > mode: 0644 | 0664',
      'line: entry META-INF/MANIFEST.MF: Date: 1795275666 | Date: 1795275667',
      'field: entry k.txt > mode: 0644 | 0664',
    ],
  },
  'x.pyc': { format: 'pyc', spots: ['field: pyc header > mtime: 1795275666 | 1795275667'] },
  // The build id differs as well: because the string does.
  'x.so': { format: 'ELF', spots: ['line: section .rodata: 1795275666 | 1795275667'] },
  'x.a': {
    format: 'ar',
    spots: [
      'field: member u.o > mtime: 1795275666 | 1795275667',
      'line: member u.o > section .rodata.str1.1: 1795275666 | 1795275667',
    ],
  },
};

for (const [name, { format, spots }] of Object.entries(expected)) {
  test(`${name}: what differs, and where`, () => {
    const found = examine(pair(name));
    assert.equal(found.format, format);
    assert.equal(found.complete, true);
    assert.deepEqual(summary(found), spots);
  });
}

test('a build id alone is shown, as something computed', () => {
  const { a } = pair('x.so');
  const b = Buffer.from(a);
  const id = b.indexOf(Buffer.from('GNU\0')) + 4;
  b[id]! ^= 0xff;
  const { spots } = examine({ a, b });
  assert.deepEqual(
    spots.map(({ trail, derived }) => ({ trail, derived })),
    [{ trail: ['section .note.gnu.build-id'], derived: true }],
  );
});

test('the same contents compressed in another way', () => {
  const text = Buffer.from('hello, hello, hello\n'.repeat(50));
  const found = examine({ a: gzipSync(text, { level: 1 }), b: gzipSync(text, { level: 9 }) });
  assert.deepEqual(
    found.spots.map(({ trail, field }) => [trail.join(' > '), field]),
    [
      ['gzip header', 'level'],
      ['gzip contents > compressed form', undefined],
    ],
  );
});

test('lines: changed, inserted, removed, moved', () => {
  const text = (a: string, b: string) => examine({ a: Buffer.from(a), b: Buffer.from(b) });
  assert.deepEqual(summary(text('one\ntwo\nthree\n', 'one\n2\nthree\n')), ['line: : two | 2']);
  assert.deepEqual(summary(text('one\nthree\n', 'one\ntwo\nthree\n')), ['line: : undefined | two']);
  assert.deepEqual(summary(text('one\ntwo\nthree\nfour\n', 'one\nthree\n4\n')), [
    'line: : two | undefined',
    'line: : four | 4',
  ]);
  assert.deepEqual(summary(text('x\na,\nb,\nc\ny\n', 'x\nc,\na,\nb\ny\n')), [
    'order: : a,\nb,\nc\n | c,\na,\nb\n',
  ]);
  assert.deepEqual(summary(text('{"b": 1, "a": 2}', '{"a": 2, "b": 1}')), [
    'order: : {"b": 1, "a": 2} | {"a": 2, "b": 1}',
  ]);
  assert.deepEqual(
    text('no end', 'no end\n').spots.map(({ kind }) => kind),
    ['bytes'],
  );
  const [spot] = text('1\n2\n3\n4 x\n', '1\n2\n3\n4 y\n').spots;
  assert.deepEqual(
    [spot!.start, spot!.end, spot!.a, spot!.b],
    [4, 5, { text: '4 x', start: 2, end: 3 }, { text: '4 y', start: 2, end: 3 }],
  );
});

test('records and strings of a binary in another order', () => {
  const records = (...numbers: number[]) => {
    const bytes = Buffer.alloc(numbers.length * 8);
    for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number, i * 8);
    return bytes;
  };
  const kinds = (a: Buffer, b: Buffer) => examine({ a, b }).spots.map(({ kind }) => kind);
  assert.deepEqual(kinds(records(1, 70_000, 9), records(70_000, 9, 1)), ['order']);
  assert.deepEqual(kinds(records(1, 70_000, 9), records(70_001, 9, 1)), ['bytes']);
  assert.deepEqual(kinds(Buffer.from('\0alpha\0be\0'), Buffer.from('\0be\0alpha\0')), ['order']);
});

test('whatever is between two files, there is a spot if they differ', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '\n', ' ') }),
  );
  fc.assert(
    fc.property(bytes, bytes, fc.boolean(), (one, other, grown) => {
      const [a, b] = [Buffer.from(one as string), Buffer.from(grown ? `${one}\n` : (other as string))];
      fc.pre(!a.equals(b));
      const { spots } = examine({ a, b });
      assert.ok(spots.length > 0);
      for (const { start, end } of spots) assert.ok(start >= 0 && start < end);
    }),
    { numRuns: 2000 },
  );
});

test('damaged files neither throw nor take long', () => {
  const files = Object.keys(expected).map(pair);
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.constantFrom(...files), damage, fc.nat(), fc.boolean(), (file, changes, cut, near) => {
      const b = Buffer.from(cut % 3 === 0 ? file.b.subarray(0, cut % file.b.length) : file.b);
      // Headers and tables are worth more changes than what they describe.
      for (const [at, value] of changes)
        if (b.length > 0) b[near ? at % Math.min(b.length, 700) : at % b.length] = value;
      fc.pre(!b.equals(file.a));
      const found = examine({ a: file.a, b });
      assert.ok(found.spots.length > 0 && found.spots.length <= mostSpots);
      assert.ok(examine({ a: b, b: file.a }).spots.length > 0);
    }),
    { numRuns: longForm ? 20_000 : 1500 },
  );
});

test('a file that inflates without end, and archives in archives in archives, are given up on', () => {
  const bomb = (byte: number) => gzipSync(Buffer.alloc(80 * 1024 * 1024, byte), { level: 9 });
  const [a, b] = [bomb(0), bomb(1)];
  const found = examine({ a, b });
  assert.deepEqual(
    new Set(found.spots.map(({ kind, trail }) => `${kind} ${trail}`)),
    new Set(['bytes gzip contents']),
  );
  assert.ok(
    found.spots.every(({ end }) => end <= a.length),
    'places in the compressed form',
  );
  const nest = (text: string) => {
    let bytes: Buffer = Buffer.from(text);
    for (let i = 0; i < 6; i++) bytes = gzipSync(bytes);
    return bytes;
  };
  const deep = examine({ a: nest('one'), b: nest('two') });
  assert.equal(deep.spots[0]!.kind, 'bytes');
  assert.equal(deep.spots[0]!.trail.length, 4);
});

test('entries that overlap are not compared for ever', () => {
  // A zip file in which each of many entries is the same megabyte.
  const contents = deflateRawSync(Buffer.alloc(1024), { level: 0 });
  const body = Buffer.concat([contents, Buffer.alloc(1024 * 1024)]);
  const make = (last: number) => {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    const directory = Array.from({ length: 5000 }, () => {
      const entry = Buffer.alloc(46);
      entry.writeUInt32LE(0x02014b50, 0);
      entry.writeUInt32LE(body.length, 20);
      return entry;
    });
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(directory.length, 10);
    end.writeUInt32LE(30 + body.length, 16);
    end.writeUInt16LE(0, 20);
    directory.at(-1)!.writeUInt16LE(last, 12);
    return Buffer.concat([local, body, ...directory, end]);
  };
  const { complete, format } = examine({ a: make(1), b: make(2) });
  assert.equal(format, 'zip');
  assert.equal(complete, false);
});

test('a size that leads out of the file makes it one of no known format', () => {
  const changes: readonly (readonly [name: string, format: Format, change: (bytes: Buffer) => void])[] = [
    // The last section header: its size.
    [
      'x.so',
      elf,
      (bytes) => bytes.writeUInt32LE(0x7fff_ffff, Number(bytes.readBigUInt64LE(40)) + 64 * 3 + 32),
    ],
    ['x.tar', tar, (bytes) => enlarge(bytes)],
    ['x.zip', zip, (bytes) => bytes.writeUInt32LE(0x7fff_ffff, bytes.indexOf('PK\x01\x02') + 20)],
    ['x.a', ar, (bytes) => void bytes.write('9999999999', bytes.indexOf('u.o/') + 48, 'latin1')],
  ];
  for (const [name, format, change] of changes) {
    const { a } = pair(name);
    assert.ok(format.read(a), name);
    const damaged = Buffer.from(a);
    change(damaged);
    assert.equal(format.read(damaged), undefined, name);
  }
});

/** Makes the first member of a tar file as large as can be said, and its checksum right. */
function enlarge(tarFile: Buffer): void {
  const header = tarFile.subarray(0, 512);
  header.write('77777777777', 124, 'latin1');
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0`, 148, 'latin1');
}

test('no more lines are paired than can be kept, and very many not at all', () => {
  const lines = (count: number, text: string) => Buffer.from(`${text}\n`.repeat(count));
  assert.equal(lineSpots(lines(5000, 'x'), lines(5000, 'y'), 10)!.length, mostSpots + 1);
  assert.equal(lineSpots(lines(250_000, 'x'), lines(250_000, 'y'), 10), undefined);
});

test('a huge text with everything changed ends, with as many spots as are kept', () => {
  const lines = (seed: number) =>
    Buffer.from(Array.from({ length: 100_000 }, (_, i) => `${(i * seed) % 99_991}`).join('\n'));
  const { spots, complete } = examine({ a: lines(7), b: lines(11) });
  assert.equal(spots.length, mostSpots);
  assert.equal(complete, false);
});
