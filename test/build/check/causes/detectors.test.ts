import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteSpots } from '../../../../ts/build/check/byte-spots.js';
import type { BuildFacts } from '../../../../ts/build/check/causes/facts.js';
import { detectors, type Look } from '../../../../ts/build/check/causes/rules.js';
import { type Appearance, sightingOf } from '../../../../ts/build/check/causes/sighting.js';
import { lineSpots } from '../../../../ts/build/check/line-spots.js';
import { excerptsOf, type Spot } from '../../../../ts/build/check/spot.js';

// Sat Nov 21 2026 16:01:06 UTC, and two days and three seconds later.
const at = 1795276866;
const later = at + 2 * 86_400 + 3;

const base: BuildFacts = {
  startedAt: at,
  stoppedAt: at + 1,
  buildDirectory: '/build',
  storePaths: ['/nix/store/iw06dpb3aycqxnnhn648w395chbxc6li-x'],
  pids: [2],
  cores: 8,
  buildCores: 6,
  uname: { release: '6.18.5', nodename: 'localhost' },
  umask: 0o022,
  locale: { LC_ALL: 'C' },
  randomAddresses: false,
};

const other: BuildFacts = {
  ...base,
  startedAt: later,
  stoppedAt: later + 1,
  buildDirectory: '/tmp/nix-build-x.drv-1',
  storePaths: ['/nix/store/9krlzvny65gdc8s7kpb6lkx8cd02c25b-x'],
  pids: [4321],
  cores: 1,
  buildCores: 3,
  uname: { release: '2.6.78', nodename: 'localhost' },
  umask: 0o002,
  locale: { LC_ALL: 'C.UTF-8' },
  randomAddresses: true,
};

function look(
  name: Look,
  a: string | Buffer,
  b: string | Buffer,
  kind: Spot['kind'] = 'line',
): Appearance | undefined {
  const excerpts = excerptsOf(Buffer.from(a as string), Buffer.from(b as string));
  return detectors[name](
    sightingOf({ kind, trail: [], start: 0, end: 1, ...excerpts }, { a: base, b: other }),
  );
}

function binary(length: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(length + 8, 0xee);
  write(bytes.subarray(4, length + 4));
  return bytes;
}

type Pair = readonly [string | Buffer, string | Buffer];

const seconds = (put: (bytes: Buffer, time: number) => void): Pair => [
  binary(8, (bytes) => put(bytes, at)),
  binary(8, (bytes) => put(bytes, later)),
];

/** What each detector must see, and what only looks like it. */
const cases: Readonly<
  Record<Exclude<Look, 'order'>, { readonly yes: readonly Pair[]; readonly no: readonly Pair[] }>
> = {
  timestamp: {
    yes: [
      [`built at ${at}\n`, `built at ${later}\n`],
      [`t=${at}123`, `t=${later}456`],
      [`t=${at}.123456`, `t=${later}.5`],
      [`x${at.toString(16)}`, `x${later.toString(16)}`],
      ['2026-11-21T16:01:06Z', '2026-11-23T16:01:09Z'],
      ['2026-11-21 16:01:06', '2026-11-23 16:01:09'],
      ['2026-11-21 17:01:06', '2026-11-23 17:01:09'],
      ['2026-11-21 18:01:06+02:00', '2026-11-23 18:01:09+02:00'],
      ['Sat, 21 Nov 2026 16:01:06 +0000', 'Mon, 23 Nov 2026 16:01:09 +0000'],
      ['Sat Nov 21 16:01:06 2026', 'Mon Nov 23 16:01:09 2026'],
      ['Sat Nov 21 16:01:06 UTC 2026', 'Mon Nov 23 16:01:09 UTC 2026'],
      ['Nov 21 2026 16:01:06', 'Nov 23 2026 16:01:09'],
      ['20261121160106', '20261123160109'],
      ['at 16:01:06 o’clock', 'at 16:01:09 o’clock'],
      seconds((bytes, time) => bytes.writeUInt32LE(time)),
      seconds((bytes, time) => bytes.writeUInt32BE(time)),
      seconds((bytes, time) => bytes.writeBigUInt64LE(BigInt(time))),
      seconds((bytes, time) => bytes.writeBigUInt64LE(BigInt(time) * 1000n)),
      seconds((bytes, time) => bytes.writeBigUInt64BE(BigInt(time) * 1000000000n)),
    ],
    no: [
      ['built at 1500000000', 'built at 1500000007'],
      [`built at ${at}`, `built at ${at + 7000}`],
      [`${at} runs 1`, `${at} runs 2`],
      ['2001-02-03T04:05:06Z', '2001-02-03T04:05:09Z'],
      ['2026-11-21T17:01:06Z', '2026-11-23T17:01:09Z'],
      ['2026-11-21 17:01:06', '2026-11-23 18:01:09'],
      ['at 16:22:06', 'at 16:22:09'],
      ['serial 123456789012', 'serial 123456789013'],
      [
        binary(8, (bytes) => bytes.writeUInt32LE(at - 5000)),
        binary(8, (bytes) => bytes.writeUInt32LE(later - 5000)),
      ],
    ],
  },
  date: {
    yes: [
      ['2026-11-21', '2026-11-23'],
      ['v20261121', 'v20261123'],
      ['Nov 21 2026', 'Nov 23 2026'],
      ['21 November 2026', '23 November 2026'],
      ['21.11.2026', '23.11.2026'],
      ['11/21/2026', '11/23/2026'],
      ['11/21/26', '11/23/26'],
      ['November 21st, 2026', 'November 23rd, 2026'],
    ],
    no: [
      ['2001-11-21', '2001-11-23'],
      ['2026-11-21 a', '2026-11-21 b'],
      ['release 20261321', 'release 20261323'],
      ['Nov 11 2026', 'Nov 13 2026'],
    ],
  },
  buildPath: {
    yes: [
      ['"/build/x.c"', '"/tmp/nix-build-x.drv-1/x.c"'],
      [
        'out=/nix/store/iw06dpb3aycqxnnhn648w395chbxc6li-x/bin',
        'out=/nix/store/9krlzvny65gdc8s7kpb6lkx8cd02c25b-x/bin',
      ],
    ],
    no: [
      ['/build/1', '/build/2'],
      ['/build', '/elsewhere'],
      ['/buidl/x', '/tmp/nix-build-x.drv-1/x'],
    ],
  },
  pid: {
    yes: [
      ['tmp.2', 'tmp.4321'],
      ['child 9', 'child 4328'],
      [binary(4, (bytes) => bytes.writeUInt32LE(2)), binary(4, (bytes) => bytes.writeUInt32LE(4321))],
    ],
    no: [
      ['tmp.2', 'tmp.4322'],
      ['tmp.4321', 'tmp.2'],
      ['v2.0', 'v3.0'],
    ],
  },
  address: {
    yes: [
      ['HASH(0x55d0c8f3a2b0)', 'HASH(0x5612aa0012b0)'],
      ['at 7ffff7dd5000', 'at 7f12a3dd5000'],
      ['id 140737353961472', 'id 139718921867264'],
      [
        binary(8, (b) => b.writeBigUInt64LE(0x7ffff7fe2010n)),
        binary(8, (b) => b.writeBigUInt64LE(0x7f8a12fe2010n)),
      ],
    ],
    no: [
      ['0x12d0c8f3a2b0', '0x1312aa0012b0'],
      ['0x55d0c8f3a2b0 x 1', '0x55d0c8f3a2b0 x 2'],
      ['deadbeef5500', 'deadbeef7f00'],
      ['0x7ffff7dd5000', '0x5612aa0012b0'],
    ],
  },
  random: {
    yes: [
      ['id: 3b241101-e2bb-4255-8caf-4136c566a962', 'id: 9f1c2d3e-0a4b-4c6d-9e8f-1029384756ab'],
      ['nonce=c0ffee123456789abcdef012', 'nonce=93ad81fb6e027c54de0f9a3b'],
      [
        Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
        Buffer.from('9f8e7d6c5b4a39281706f5e4d3c2b1a0', 'hex'),
      ],
    ],
    no: [
      ['3b241101-e2bb-4255-8caf-4136c566a962 1', '3b241101-e2bb-4255-8caf-4136c566a962 2'],
      ['configuration', 'documentation'],
      ['count 12345678', 'count 12345679'],
      ['aaaaaaaa1', 'bbbbbbbb2'],
      [Buffer.alloc(32, 0), Buffer.alloc(32, 0xff)],
    ],
  },
  cpuCount: {
    yes: [
      ['make -j8', 'make -j1'],
      ['cores=6', 'cores=3'],
      ['threads: 8', 'threads: 1'],
    ],
    no: [
      ['make -j8', 'make -j2'],
      ['80 chunks', '10 chunks'],
      ['8 x 1', '8 x 2'],
    ],
  },
  uname: {
    yes: [['Linux 6.18.5 x86_64', 'Linux 2.6.78 x86_64']],
    no: [
      ['6.18.5 1', '6.18.5 2'],
      ['release 6.18.6', 'release 2.6.78'],
      ['localhost a', 'localhost b'],
    ],
  },
  umask: {
    yes: [
      ['-rw-r--r-- 1', '-rw-rw-r-- 1'],
      ['drwxr-xr-x', 'drwxrwxr-x'],
      ['0644', '0664'],
      ['100644', '100664'],
      ['umask 022', 'umask 002'],
    ],
    no: [
      ['0600', '0640'],
      ['-rw-------', '-rw-r-----'],
      ['port 6441', 'port 6641'],
    ],
  },
  locale: {
    yes: [
      ['LC_ALL=C', 'LC_ALL=C.UTF-8'],
      ['charset: ANSI_X3.4-1968', 'charset: UTF-8'],
    ],
    no: [
      ['charset: ISO-8859-1', 'charset: ISO-8859-15'],
      ['C.UTF-8 1', 'C.UTF-8 2'],
    ],
  },
};

for (const [name, { yes, no }] of Object.entries(cases) as [
  Exclude<Look, 'order'>,
  (typeof cases)['pid'],
][]) {
  test(`${name}: what it is`, () => {
    for (const [a, b] of yes) assert.ok(look(name, a, b)?.evidence, `${a} | ${b}`);
  });
  test(`${name}: what only looks like it`, () => {
    for (const [a, b] of no) assert.equal(look(name, a, b), undefined, `${a} | ${b}`);
  });
}

test('of a long build, a time without a zone is taken as it is written', () => {
  const spot = (text: string, second: string): Spot => ({
    ...{ kind: 'line', trail: [], start: 0, end: 1 },
    ...excerptsOf(Buffer.from(text), Buffer.from(second)),
  });
  const slow = { a: { ...base, stoppedAt: at + 3000 }, b: { ...other, stoppedAt: later + 3000 } };
  assert.equal(detectors.timestamp(sightingOf(spot('at 03:22:00', 'at 03:22:01'), slow)), undefined);
  assert.ok(detectors.timestamp(sightingOf(spot('at 16:22:00', 'at 16:22:01'), slow)));
});

/** What decoding makes of texts or bytes, and whether any of it looks like an order. */
function looksLikeOrder(a: string | Buffer, b: string | Buffer): boolean {
  const [left, right] = [Buffer.from(a as string), Buffer.from(b as string)];
  const spots = typeof a === 'string' ? lineSpots(left, right, 10)! : byteSpots(left, right);
  assert.ok(spots.length > 0, 'they differ');
  return spots.some((spot) => detectors.order(sightingOf({ ...spot, trail: [] }, { a: base, b: other })));
}

const words = (...numbers: readonly number[]) => {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number, 4 * i);
  return bytes;
};

test('order: what it is', () => {
  const yes: readonly Pair[] = [
    ['one\ntwo\nthree\n', 'three\none\ntwo\n'],
    ['x = [\n  a,\n  b\n]\n', 'x = [\n  b,\n  a\n]\n'],
    ['{"a": 1, "b": 2}\n', '{"b": 2, "a": 1}\n'],
    ['{1:2, 3:4}\n', '{3:4, 1:2}\n'],
    ['PATH=/a/bin:/b/bin\n', 'PATH=/b/bin:/a/bin\n'],
    [words(70_000, 9, 80_000), words(80_000, 70_000, 9)],
    [Buffer.from('\0alpha\0be\0'), Buffer.from('\0be\0alpha\0')],
  ];
  for (const [a, b] of yes) assert.ok(looksLikeOrder(a, b), `${a} | ${b}`);
});

test('order: what only looks like it', () => {
  const no: readonly Pair[] = [
    // As many lines of the same kinds, but not as many of each.
    ['a\na\nb\nc\n', 'a\nb\nb\nc\n'],
    // The same words, otherwise wrapped, and a word that went to another line.
    ['one two\nthree four\n', 'one\ntwo three four\n'],
    ['one two\nthree four\n', 'one four\nthree two\n'],
    // A permutation of letters, of digits, and of the parts of a time.
    ['listen\n', 'silent\n'],
    ['serial 1234\n', 'serial 4321\n'],
    ['built at 10:20:30\n', 'built at 10:30:20\n'],
    ['2026-01-02\n', '2026-02-01\n'],
    ['/tmp/build-a/src/b.c\n', '/tmp/build-b/src/a.c\n'],
    // Sorted the same way, with one that is new; and one that is another.
    ['a\nb\nd\n', 'a\nb\nc\nd\n'],
    ['a\nb\nc\n', 'c\nb\nd\n'],
    // Another indentation.
    ['a b\n', '  a  b\n'],
    // The same bytes: one number in the other byte order, two with a byte of each exchanged, strings reversed.
    [words(0x01020304), words(0x04030201)],
    [words(0x11223344, 0x55667788), words(0x11223388, 0x55667744)],
    [Buffer.from('\0stressed\0\x01'), Buffer.from('\0desserts\0\x01')],
    // Records moved on by one byte, as after an insertion with a later cut.
    [Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xfe]), Buffer.from([0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 0xff])],
  ];
  for (const [a, b] of no) assert.ok(!looksLikeOrder(a, b), `${a} | ${b}`);
});

test('a computed field is not random', () => {
  const [a, b] = ['c0ffee123456789abcdef012', '93ad81fb6e027c54de0f9a3b'];
  const excerpts = excerptsOf(Buffer.from(a), Buffer.from(b));
  const spot: Spot = { kind: 'bytes', trail: [], start: 0, end: 1, ...excerpts };
  assert.ok(detectors.random(sightingOf(spot, { a: base, b: other })));
  assert.equal(detectors.random(sightingOf({ ...spot, derived: true }, { a: base, b: other })), undefined);
});

test('no detector fails, or takes long, on any bytes', () => {
  const awkward = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .string({
        unit: fc.constantFrom('0', '1', '9', '-', ':', ' ', 'f', 'Nov ', 'Z', '/', '20'),
        maxLength: 400,
      })
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(awkward, awkward, (a, b) => {
      for (const name of Object.keys(detectors) as Look[]) look(name, a, b);
    }),
    { numRuns: 1000 },
  );
});
