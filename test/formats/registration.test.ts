import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatRegistration, parseRegistrations, type Registered } from '../../ts/formats/registration.js';
import { readFixture } from '../support/fixtures.js';
import { longForm } from '../support/requires.js';

const dump = readFixture('store', 'nix-2.8-dump-db.txt');

async function read(text: Uint8Array, { hashGiven = true, size = text.length } = {}): Promise<Registered[]> {
  const source = (async function* () {
    for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size);
  })();
  const records: Registered[] = [];
  for await (const record of parseRegistrations(source, { hashGiven })) records.push(record);
  return records;
}

test('what Nix dumped is read and written again, byte for byte', async () => {
  for (const size of [1, 100, dump.length]) {
    const records = await read(dump, { size });
    assert.ok(records.length > 20);
    assert.equal(records.map(formatRegistration).join(''), dump.toString());
  }
});

test('any records, with and without hashes: what is written is read', async () => {
  const line = fc.stringMatching(/^[^\n]{1,40}$/u);
  const identity = fc
    .tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.maxSafeNat())
    .map(([digest, size]) => ({
      hash: { algorithm: 'sha256' as const, hex: Buffer.from(digest).toString('hex') },
      size,
    }));
  const record = fc.record(
    { path: line, references: fc.array(line, { maxLength: 4 }), deriver: line },
    { requiredKeys: ['path', 'references'], noNullPrototype: true },
  );
  const property = fc.asyncProperty(
    fc.array(fc.tuple(record, identity), { maxLength: 4 }),
    fc.boolean(),
    fc.integer({ min: 1, max: 50 }),
    async (items, hashGiven, size) => {
      const records = items.map(([fields, nar]) => (hashGiven ? { ...fields, nar } : fields));
      assert.deepEqual(
        await read(Buffer.from(records.map(formatRegistration).join('')), { hashGiven, size }),
        records,
      );
    },
  );
  await fc.assert(property, { numRuns: longForm ? 3000 : 200 });
});

test('text cut short is refused wherever a record does not end', async () => {
  const text = dump.toString();
  const first = text.indexOf('\n/nix/store', text.indexOf('\n\n') + 2);
  for (let length = 1; length < Math.min(first, 400); length++) {
    const whole = await read(dump.subarray(0, length)).catch((error) => error.code);
    if (Array.isArray(whole)) assert.equal(whole.map(formatRegistration).join(''), text.slice(0, length));
    else assert.match(whole, /^ERR_(REGISTRATION|HASH_SYNTAX)$/);
  }
});

const path = `/nix/store/${'a'.repeat(32)}-a`;
const hash = '0'.repeat(64);
const wrong: Readonly<Record<string, readonly [string | Buffer, RegExp]>> = {
  'a hash that is none': [`${path}\nhash\n1\n\n0\n`, /'hash' is not a hash/],
  'a hash of another algorithm': [`${path}\nsha1:${'0'.repeat(40)}\n1\n\n0\n`, /it should be a sha256 hash/],
  'a negative size': [
    `${path}\n${hash}\n-1\n\n0\n`,
    /line 3 .* the size of a NAR, at most 9007199254740991, found '-1'/,
  ],
  'a size of 2^64-1': [`${path}\n${hash}\n18446744073709551615\n\n0\n`, /line 3/],
  'a size of 2^53': [`${path}\n${hash}\n9007199254740992\n\n0\n`, /line 3/],
  'a size with a blank': [`${path}\n${hash}\n 1\n\n0\n`, /line 3/],
  'a count that is none': [
    `${path}\n${hash}\n1\n\nmany\n`,
    /line 5 .* the number of references, at most 100000, found 'many'/,
  ],
  'a count of 2^31': [`${path}\n${hash}\n1\n\n2147483648\n`, /line 5/],
  'a negative count': [`${path}\n${hash}\n1\n\n-1\n`, /line 5/],
  'more references than lines': [
    `${path}\n${hash}\n1\n\n3\n${path}\n`,
    /expected a reference, found the end of the text/,
  ],
  'a last line without its end': [`${path}\n${hash}\n1\n\n0`, /line 5 .* '0', has no end/],
  'a line without end': [Buffer.alloc(1_000_000, 'x'), /line 1 .* is longer than 4096 bytes/],
  'a NAR': [
    Buffer.concat([Buffer.from([13, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('nix-archive-1\0\0\0')]),
    /has no end/,
  ],
};

for (const [what, [text, message]] of Object.entries(wrong)) {
  test(`refused: ${what}`, async () => {
    await assert.rejects(read(Buffer.from(text), { size: 3000 }), { name: 'AirplantError', message });
  });
}
