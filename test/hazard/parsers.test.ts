import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText, encodeText } from '../../ts/base/text.js';
import { ExportReader } from '../../ts/formats/export/reader.js';
import { endOfExport, pathTrailer, startOfPath } from '../../ts/formats/export/write.js';
import { indexNar } from '../../ts/formats/nar/index-nar.js';
import { formatListing, listNar } from '../../ts/formats/nar/listing.js';
import { readNar } from '../../ts/formats/nar/read.js';
import { dumpTree } from '../../ts/formats/nar/tree.js';
import { writeNar } from '../../ts/formats/nar/write.js';
import { formatRegistration, parseRegistrations, type Registered } from '../../ts/formats/registration.js';
import { parseStorePath } from '../../ts/formats/store-path.js';
import { readFixture } from '../support/fixtures.js';
import { type FuzzTarget, fuzz, outcomeOf, readCorpus } from '../support/fuzz.js';
import { somePath } from '../support/stores.js';

// Parsers of what others send are given what nobody would: sound input changed at random. Whatever led to an outcome of its
// own is kept in test/fixtures/corpus (AIRPLANT_UPDATE_CORPUS=1), and has that outcome ever after.

const nested = dumpTree({
  type: 'directory',
  entries: new Map([
    ['a', { type: 'regular', executable: true, contents: Buffer.from('contents') }],
    ['b', { type: 'symlink', target: 'a' }],
    [
      'c',
      {
        type: 'directory',
        entries: new Map([['d', { type: 'regular', executable: false, contents: Buffer.from('x') }]]),
      },
    ],
  ]),
});

const inChunks = async function* (bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

const nar: FuzzTarget = {
  name: 'nar',
  seeds: [nested, dumpTree({ type: 'regular', executable: false, contents: Buffer.alloc(9) })],
  tokens: [
    'entry\0\0\0',
    '(\0\0\0\0\0\0\0',
    ')\0\0\0\0\0\0\0',
    'type\0\0\0\0',
    'directory\0\0\0\0\0\0\0',
    '..',
    '/',
    'executable',
  ],
  async read(bytes) {
    const index = await indexNar({
      size: bytes.length,
      read: async (at, length) => bytes.subarray(at, at + length),
    }).then(formatListing, () => 'refused');
    // Throws what both must throw.
    const written: Uint8Array[] = [];
    try {
      for await (const chunk of writeNar(readNar(inChunks(bytes, 13)))) written.push(Buffer.from(chunk));
    } catch (error) {
      assert.equal(index, 'refused');
      throw error;
    }
    assert.ok(Buffer.concat(written).equals(bytes), 'it would have another hash once unpacked');
    assert.equal(index, formatListing(await listNar([bytes])));
  },
};

const exported: FuzzTarget = {
  name: 'export',
  seeds: [
    readFixture('store', 'nix-2.8-drv-closure.export'),
    Buffer.concat([
      startOfPath,
      nested,
      pathTrailer({ path: 'p', references: ['r', 's'], deriver: 'd' }),
      endOfExport,
    ]),
  ],
  tokens: ['NIXE\0\0\0\0', '\x01\0\0\0\0\0\0\0', '/nix/store/'],
  async read(bytes) {
    const reader = new ExportReader(inChunks(bytes, 13));
    const again: Uint8Array[] = [];
    let signed = false;
    while (await reader.next()) {
      again.push(startOfPath);
      for await (const _ of reader.nar((part) => again.push(Buffer.from(part))));
      const trailer = await reader.trailer();
      const start = Buffer.concat(again).length;
      again.push(pathTrailer(trailer));
      // What was passed over for a signature is not written again.
      signed ||= bytes.readUInt8(start + pathTrailer(trailer).length - 8) === 1;
      if (signed) return;
    }
    await reader.end();
    again.push(endOfExport);
    assert.ok(Buffer.concat(again).equals(bytes));
  },
};

const twoRecords = ['a', 'b'].map((digit) =>
  formatRegistration({
    path: somePath(digit),
    nar: { hash: { algorithm: 'sha256', hex: '0'.repeat(64) }, size: 120 },
    ...(digit === 'b' ? { deriver: somePath('d', 'b.drv') } : {}),
    references: ['a', digit].map((reference) => somePath(reference)),
  }),
);

const registration: FuzzTarget = {
  name: 'registration',
  seeds: [Buffer.from(twoRecords.join('')), Buffer.from(twoRecords[0]!)],
  tokens: ['\n', '\n\n', '0', '99999999999999999999', '/nix/store/', '../', 'sha256:', '\0'],
  async read(bytes) {
    const read = async (text: Buffer, size: number) => {
      const records: Registered[] = [];
      for await (const record of parseRegistrations(inChunks(text, size), { hashGiven: true }))
        records.push(record);
      return records;
    };
    const records = await read(bytes, 13);
    const written = encodeText(records.map(formatRegistration).join(''));
    assert.deepEqual(await read(written, 1000), records);
  },
};

const storePath: FuzzTarget = {
  name: 'store-path',
  seeds: [Buffer.from(`/nix/store/${'0'.repeat(32)}-hello-2.10`)],
  tokens: ['/', '..', '.', '-', '\0', '/nix/store', '/nix/store2/', 'e', '?', 'x'.repeat(211), '\n'],
  async read(bytes) {
    const text = decodeText(bytes);
    const { path, base, hashPart, name } = parseStorePath('/nix/store', text);
    assert.deepEqual([path, base], [text, `${hashPart}-${name}`]);
    assert.match(path, /^\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-._?=]{1,211}$/);
    assert.ok(!/^\.\.?(-|$)/.test(name));
  },
};

for (const target of [nar, exported, registration, storePath]) {
  test(`${target.name}: what was found before`, async () => {
    const corpus = readCorpus(target);
    assert.ok(corpus.length >= 5);
    for (const [outcome, bytes] of corpus)
      assert.equal(await outcomeOf(target, bytes), outcome, bytes.toString('base64'));
  });

  test(`${target.name}: whatever comes is read or refused`, async (t) => {
    t.diagnostic(`${await fuzz(target)} outcomes`);
  });
}
