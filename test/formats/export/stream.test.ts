import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AirplantError } from '../../../ts/base/errors.js';
import type { ExportedPath } from '../../../ts/formats/export/item.js';
import { ExportReader } from '../../../ts/formats/export/reader.js';
import { endOfExport, pathTrailer, startOfPath } from '../../../ts/formats/export/write.js';
import { dumpTree } from '../../../ts/formats/nar/tree.js';
import { readFixture } from '../../support/fixtures.js';
import { anyTree } from '../../support/nar-trees.js';
import { longForm } from '../../support/requires.js';

interface Item {
  readonly nar: Buffer;
  readonly trailer: ExportedPath;
}

const write = (items: readonly Item[]) =>
  Buffer.concat([
    ...items.flatMap(({ nar, trailer }) => [startOfPath, nar, pathTrailer(trailer)]),
    endOfExport,
  ]);

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(source: AsyncIterable<Uint8Array>): Promise<Item[]> {
  const reader = new ExportReader(source);
  const items: Item[] = [];
  try {
    while (await reader.next()) {
      const parts: Buffer[] = [];
      for await (const _ of reader.nar((bytes) => parts.push(Buffer.from(bytes))));
      items.push({ nar: Buffer.concat(parts), trailer: await reader.trailer() });
    }
    await reader.end();
    return items;
  } finally {
    await reader.close();
  }
}

const closure = readFixture('store', 'nix-2.8-closure.export');
const file = dumpTree({ type: 'regular', executable: false, contents: Buffer.from('x') });
const u64 = (value: bigint | number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const string = (text: string) =>
  Buffer.concat([u64(text.length), Buffer.from(text), Buffer.alloc((8 - (text.length % 8)) % 8)]);
const path = `/nix/store/${'a'.repeat(32)}-a`;
const magic = u64(0x4558494e);

test('what Nix wrote is read and written again, byte for byte, in chunks of any size', async () => {
  for (const name of ['nix-2.8-closure.export', 'nix-2.8-drv-closure.export']) {
    const stream = readFixture('store', name);
    for (const size of [1, 7, 4096, stream.length]) {
      const items = await read(chunks(stream, size));
      assert.ok(items.length > 1);
      assert.ok(write(items).equals(stream));
    }
  }
});

test('any paths: what is written is read', async () => {
  const trailer = fc.record(
    {
      path: fc.string({ maxLength: 60 }),
      references: fc.array(fc.string(), { maxLength: 5 }),
      deriver: fc.string({ minLength: 1 }),
    },
    { requiredKeys: ['path', 'references'], noNullPrototype: true },
  );
  const item = fc.tuple(anyTree, trailer).map(([tree, trailer]) => ({ nar: dumpTree(tree), trailer }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 3 }),
      fc.integer({ min: 1, max: 300 }),
      async (items, size) => {
        assert.deepEqual(await read(chunks(write(items), size)), items);
      },
    ),
    { numRuns: longForm ? 2000 : 100 },
  );
});

test('a stream cut short at any byte is refused, and says where', async () => {
  for (let length = 0; length < closure.length; length += longForm ? 1 : 13) {
    await assert.rejects(read(chunks(closure.subarray(0, length), 512)), (error: AirplantError) => {
      assert.match(error.code, /^ERR_(EXPORT|NAR)$/);
      return true;
    });
  }
});

test('a signature of Nix 1 is passed over', async () => {
  const trailer = pathTrailer({ path, references: [] });
  const signed = Buffer.concat([trailer.subarray(0, -8), u64(1), string('some signature')]);
  const [item] = await read(chunks(Buffer.concat([startOfPath, file, signed, endOfExport]), 5));
  assert.deepEqual(item?.trailer, { path, references: [] });
});

const wrong: Readonly<Record<string, readonly [Buffer[], RegExp]>> = {
  'a text': [[Buffer.from('hello, world\n')], /byte 0 .* expected a 1 before each path or a 0 at the end/],
  'a NAR': [[file], /byte 0 .* expected a 1 before each path/],
  nothing: [[], /expected the start of a path, or the end, found the end of the stream/],
  'a start of 2': [[u64(2)], /found 2/],
  'a start of 2^64-1': [[u64(2n ** 64n - 1n)], /found 18446744073709551615/],
  'a damaged NAR': [
    [u64(1), Buffer.alloc(64)],
    /path 1 of the export stream, from byte 8 on: byte 0 of the NAR/,
  ],
  'another magic number': [[u64(1), file, u64(0x4558494f)], /0x4558494e after a NAR, found/],
  'a magic number of 2^32 more': [[u64(1), file, u64(0x14558494en)], /0x4558494e/],
  'a path of 2^64-1 bytes': [
    [u64(1), file, magic, u64(2n ** 64n - 1n)],
    /at most 4096 bytes, found a length of 1844/,
  ],
  'a path of 2^63 bytes': [[u64(1), file, magic, u64(2n ** 63n)], /of at most 4096 bytes/],
  'a path of 2^53+1 bytes': [[u64(1), file, magic, u64(2n ** 53n + 1n)], /of at most 4096 bytes/],
  'a path of 4097 bytes': [[u64(1), file, magic, u64(4097), Buffer.alloc(8192)], /of at most 4096 bytes/],
  'padding that is not zero': [
    [u64(1), file, magic, u64(1), Buffer.from('axxxxxxx')],
    /zero padding after the store path/,
  ],
  '2^64-1 references': [
    [u64(1), file, magic, string(path), u64(2n ** 64n - 1n)],
    /at most 100000 references, found a count of 1844/,
  ],
  'more references than come': [
    [u64(1), file, magic, string(path), u64(100_000), string(path)],
    /expected a reference, found the end of the stream/,
  ],
  'a signature mark of 2': [
    [u64(1), file, magic, string(path), u64(0), string(''), u64(2)],
    /a 1 before a signature or a 0 for none, found 2/,
  ],
  'a signature of 2^40 bytes': [
    [u64(1), file, magic, string(path), u64(0), string(''), u64(1), u64(2n ** 40n)],
    /a signature, of at most 65536 bytes/,
  ],
  'more after the end': [
    [u64(0), u64(0)],
    /byte 8 of the export stream: expected nothing more, found more bytes/,
  ],
};

for (const [what, [bytes, message]] of Object.entries(wrong)) {
  test(`refused: ${what}`, async () => {
    await assert.rejects(read(chunks(Buffer.concat(bytes), 3)), { name: 'AirplantError', message });
  });
}

test('nothing past what is asked for is taken from the source', async () => {
  let taken = 0;
  const source = (async function* () {
    for (const chunk of [
      u64(1),
      file,
      pathTrailer({ path, references: [] }),
      endOfExport,
      Buffer.from('more'),
    ]) {
      taken++;
      yield chunk;
    }
  })();
  const reader = new ExportReader(source);
  assert.ok(await reader.next());
  for await (const _ of reader.nar(() => {}));
  await reader.trailer();
  assert.equal(await reader.next(), false);
  assert.equal(taken, 4);
});
