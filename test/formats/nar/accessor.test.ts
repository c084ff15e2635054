import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { NarAccessor } from '../../../ts/formats/nar/accessor.js';
import type { ByteRanges } from '../../../ts/formats/nar/byte-ranges.js';
import { indexNar } from '../../../ts/formats/nar/index-nar.js';
import { formatListing, listNar } from '../../../ts/formats/nar/listing.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { fixturePath, readFixture } from '../../support/fixtures.js';
import { anyTree } from '../../support/nar-trees.js';
import { longForm } from '../../support/requires.js';

/** Bytes in memory that count what is read of them, and never give what was not asked for. */
class CountedBytes implements ByteRanges {
  readonly #bytes: Uint8Array;
  readonly size: number;
  taken = 0;

  constructor(bytes: Uint8Array, size = bytes.length) {
    this.#bytes = bytes;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    assert.ok(length > 0 && offset >= 0 && offset + length <= this.size);
    this.taken += length;
    return this.#bytes.subarray(offset, offset + length);
  }
}

const file = (contents: string | Uint8Array): NarTree => ({
  type: 'regular',
  executable: false,
  contents: Buffer.from(contents),
});
const link = (target: string): NarTree => ({ type: 'symlink', target });
const directory = (entries: Record<string, NarTree>): NarTree => ({
  type: 'directory',
  entries: new Map(Object.entries(entries)),
});

test('any archive: the index is the listing of the whole, and every file comes out of it', async () => {
  const property = fc.asyncProperty(anyTree, async (tree) => {
    const nar = dumpTree(tree);
    const accessor = await NarAccessor.open(new CountedBytes(nar));
    assert.equal(formatListing(accessor.listing), formatListing(await listNar([nar])));
    await assertSame(accessor, tree, '');
  });
  await fc.assert(property, { numRuns: longForm ? 2000 : 200 });
});

async function assertSame(accessor: NarAccessor, tree: NarTree, path: string): Promise<void> {
  assert.equal(accessor.stat(path).node.type, tree.type);
  if (tree.type === 'regular')
    assert.deepEqual(await buffer(accessor.read(path)), Buffer.from(tree.contents));
  if (tree.type !== 'directory') return;
  assert.deepEqual(new Set(accessor.list(path)), new Set(tree.entries.keys()));
  for (const [name, child] of tree.entries) await assertSame(accessor, child, `${path}/${name}`);
}

test('of large contents next to nothing is read', async () => {
  const contents = Buffer.alloc(3_000_000, 'contents ');
  const nar = dumpTree(
    directory({ a: file(contents), b: file('small'), c: directory({ d: file(contents) }) }),
  );
  const source = new CountedBytes(nar);
  const accessor = await NarAccessor.open(source);
  assert.ok(source.taken < 50_000, `${source.taken} bytes`);
  source.taken = 0;
  assert.equal((await buffer(accessor.read('b'))).toString(), 'small');
  assert.equal(source.taken, 5);
  const part = await buffer(accessor.read('c/d', { start: 1_000_000, end: 1_000_100 }));
  assert.deepEqual(part, contents.subarray(1_000_000, 1_000_100));
  assert.equal(source.taken, 105);
  assert.deepEqual(
    await buffer(accessor.read('c/d', { start: 2_999_990, end: 1e9 })),
    contents.subarray(2_999_990),
  );
  assert.equal((await buffer(accessor.read('c/d', { start: 4e6 }))).length, 0);
});

test('a part of a file: what lies outside of it is nothing, and what is no number is refused', async () => {
  const accessor = await NarAccessor.open(new CountedBytes(dumpTree(file('contents'))));
  const part = async (start: number, end?: number) =>
    (await buffer(accessor.read('', { start, ...(end === undefined ? {} : { end }) }))).toString();
  assert.deepEqual(
    [
      await part(3),
      await part(2, 4),
      await part(4, 2),
      await part(100),
      await part(0, Number.POSITIVE_INFINITY),
    ],
    ['tents', 'nt', '', '', 'contents'],
  );
  for (const [start, end] of [[-1], [Number.NaN], [0.5], [0, Number.NaN], [0, -1]] as const)
    await assert.rejects(part(start, end), RangeError, `${start} ${end}`);
});

test('symlinks: followed inside, relative ones and those to the store path itself', async () => {
  const storePath = `/nix/store/${'a'.repeat(32)}-x`;
  const tree = directory({
    bin: directory({ tool: link('../lib/tool'), self: link(`${storePath}/lib/tool`), root: link(storePath) }),
    lib: directory({ tool: file('tool') }),
    short: link('lib'),
    beside: link(`${storePath}2/lib`),
    out: link('../y'),
    etc: link('/etc/passwd'),
    loop: link('./loop'),
    ping: link('pong'),
    pong: link('ping'),
  });
  const nar = new CountedBytes(dumpTree(tree));
  const accessor = await NarAccessor.open(nar, { storePath });
  for (const path of ['bin/tool', 'bin/self', 'short/tool', 'bin/root/short/../bin/self', './/short/./tool'])
    assert.equal((await buffer(accessor.read(path))).toString(), 'tool', path);
  assert.equal(accessor.stat('bin/tool').node.type, 'symlink');
  assert.equal(accessor.stat('bin/tool', { follow: true }).path, 'lib/tool');
  assert.deepEqual(accessor.list('bin/root'), [
    'beside',
    'bin',
    'etc',
    'lib',
    'loop',
    'out',
    'ping',
    'pong',
    'short',
  ]);
  const refused: [string, RegExp][] = [
    ['beside', /leads out of it, to '\/nix\/store\/a+-x2\/lib'/],
    ['out', /'out' leads out of the archive/],
    ['etc', /leads out of it, to '\/etc\/passwd'/],
    ['loop', /too many symlinks/],
    ['ping', /too many symlinks/],
    ['..', /'\.\.' leads out of the archive/],
    ['lib/../..', /leads out of the archive/],
    ['lib/tool/x', /is not in the archive/],
    ['lib', /'lib' in the archive is a directory, not a file/],
    ['none', /'none' is not in the archive/],
    ['__proto__', /is not in the archive/],
  ];
  for (const [path, message] of refused)
    await assert.rejects(buffer(accessor.read(path)), { code: 'ERR_FILE', message }, path);
  const elsewhere = await NarAccessor.open(nar);
  await assert.rejects(buffer(elsewhere.read('bin/self')), { code: 'ERR_FILE', message: /leads out/ });
});

test('what a reader of the whole refuses, the index refuses', async () => {
  const names = readdirSync(fixturePath('nar', 'bad')).filter((name) => name.endsWith('.nar'));
  assert.ok(names.length > 40);
  for (const name of names) {
    const nar = readFixture('nar', 'bad', name);
    const whole = await listNar([nar]).then(formatListing, (error) => error.code);
    const index = await indexNar(new CountedBytes(nar)).then(formatListing, (error) => error.code);
    assert.equal(index, whole, name);
  }
});

test('contents that are longer than the archive are refused without a read', async () => {
  const nar = dumpTree(file(Buffer.alloc(100)));
  for (const length of [2 ** 40, Number.MAX_SAFE_INTEGER - 200]) {
    nar.writeBigUInt64LE(BigInt(length), nar.indexOf('contents') + 8);
    const source = new CountedBytes(nar);
    await assert.rejects(indexNar(source), {
      code: 'ERR_NAR',
      message: /more bytes of file contents, found its end/,
    });
    assert.equal(source.taken, nar.length);
  }
  for (let length = 0; length < nar.length; length++)
    await assert.rejects(indexNar(new CountedBytes(nar.subarray(0, length))), { code: 'ERR_NAR' });
});

test('names without end are refused before they fill the memory', async () => {
  // A source that makes up entries as it is read: ten million of them.
  const header = dumpTree(directory({})).subarray(0, -16);
  const entry = (n: number) =>
    dumpTree(directory({ [`${n}`.padStart(8, '0')]: link('t'.repeat(4000)) })).subarray(header.length, -16);
  const entryLength = entry(0).length;
  const source: ByteRanges = {
    size: header.length + 1e7 * entryLength + 16,
    read: async (offset, length) => {
      const parts: Buffer[] = [];
      let at = offset;
      for (; at < Math.min(offset + length, header.length); at = header.length)
        parts.push(header.subarray(at));
      while (at < offset + length) {
        const n = Math.floor((at - header.length) / entryLength);
        const part = entry(n).subarray((at - header.length) % entryLength);
        parts.push(part);
        at += part.length;
      }
      return Buffer.concat(parts).subarray(0, length);
    },
  };
  await assert.rejects(indexNar(source), { code: 'ERR_NAR', message: /more names than/ });
  assert.ok(process.memoryUsage().rss < 900 * 1024 * 1024);
});
