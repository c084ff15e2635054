import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../ts/base/errors.js';
import { isSelfCertifying } from '../../ts/formats/content-address.js';
import { hashBytes } from '../../ts/formats/hash-bytes.js';
import { formatNarInfo, type NarInfo, parseNarInfo } from '../../ts/formats/narinfo.js';
import { fixturePath, readFixture } from '../support/fixtures.js';

const parse = (text: string) => parseNarInfo('/nix/store', text);

/** How many narinfos each cache has. Those of the two small ones are of paths that certify themselves. */
const caches = {
  ...{ none: 16, xz: 16, br: 16, bzip2: 16, gzip: 16, zstd: 16 },
  ca: 3,
  drvs: 3,
};
for (const [cache, count] of Object.entries(caches)) {
  const files = readdirSync(fixturePath('cache', cache)).filter((name) => name.endsWith('.narinfo'));
  test(`${files.length} narinfos of Nix 2.8 (${cache}) are read and written again as they were`, () => {
    assert.equal(files.length, count);
    for (const file of files) {
      const text = readFixture('cache', cache, file).toString();
      const info = parse(text);
      assert.equal(formatNarInfo(info), text);
      assert.equal(`${info.path.slice(11, 43)}.narinfo`, file);
      if (count === 3) assert.ok(isSelfCertifying('/nix/store', info), file);
      const compression = { ca: 'xz', drvs: 'none' }[cache] ?? cache;
      assert.equal(info.compression, compression);
      if (cache === 'none') {
        const nar = readFixture('cache', 'none', ...info.url.split('/'));
        assert.deepEqual(info.narHash, hashBytes('sha256', nar));
        assert.deepEqual(info.fileHash, info.narHash);
        assert.equal(info.narSize, nar.length);
        assert.equal(info.fileSize, nar.length);
      }
    }
  });
}

test('they say what nix path-info says', () => {
  const known = JSON.parse(readFixture('cache', 'path-info-signed.json').toString()) as {
    path: string;
    narSize: number;
    references: string[];
    deriver?: string;
    ca?: string;
  }[];
  assert.equal(known.length, 16);
  for (const { path, narSize, references, deriver, ca } of known) {
    const info = parse(readFixture('cache', 'xz', `${path.slice(11, 43)}.narinfo`).toString());
    assert.deepEqual(
      [info.path, info.narSize, info.references, info.deriver, info.contentAddress],
      [path, narSize, references, deriver, ca],
    );
  }
});

const base = '73rbvcsk91mg1xh1js6b34cvf9nmcsjf-greeting';
const path = `/nix/store/${base}`;
const narHash = 'sha256:0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa';
const least = { StorePath: path, URL: 'nar/x.nar', NarHash: narHash, NarSize: '120' };
const lines = (fields: Record<string, string | undefined>) =>
  Object.entries(fields)
    .filter((field) => field[1] !== undefined)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');

test('what may be left out, left empty, be unknown or come in any order', () => {
  const expected: NarInfo = {
    path,
    url: 'nar/x.nar',
    compression: 'bzip2',
    narHash: { algorithm: 'sha256', hex: '0a430879c266f8b57f4092a0f935cf3facd48bbccde5760d4748ca405171e969' },
    narSize: 120,
    references: [],
    signatures: [],
  };
  assert.deepEqual(parse(lines(least)), expected);
  assert.deepEqual(parse(lines(Object.fromEntries(Object.entries(least).reverse()))), expected);
  assert.deepEqual(
    parse(
      lines({ ...least, References: '', Deriver: 'unknown-deriver', Compression: '', CA: '', System: 'x' }),
    ),
    expected,
  );
  assert.deepEqual(parse(`Extra: 1\nExtra: 2\n__proto__: 3\n${lines(least)}`), expected);
  const other = `${'0'.repeat(32)}-a`;
  assert.deepEqual(parse(lines({ ...least, References: `${base} ${other} ${base}` })).references, [
    `/nix/store/${other}`,
    path,
  ]);
  assert.equal(
    parse(lines({ ...least, NarHash: 'sha256-CkMIecJm+LV/QJKg+TXPP6zUi7zN5XYNR0jKQFFx6Wk=' })).narHash.hex,
    expected.narHash.hex,
  );
  assert.deepEqual(parse(`${lines(least)}Sig: b:2\nSig: a:1\nSig: b:2\n`).signatures, ['b:2', 'a:1']);
});

test('what is missing, doubled or malformed is refused, with the line', () => {
  const refused = (text: string, why: RegExp, line?: number) =>
    assert.throws(
      () => parse(text),
      (error) =>
        isAirplantError(error, 'ERR_NARINFO') && why.test(error.message) && error.details['line'] === line,
      text,
    );
  const changed = (fields: Record<string, string | undefined>) => lines({ ...least, ...fields });
  for (const name of Object.keys(least)) {
    refused(changed({ [name]: undefined }), new RegExp(`no ${name}`));
    refused(`${lines(least)}${name}: x\n`, new RegExp(`${name} a second time`), 5);
  }
  for (const name of ['References', 'Deriver', 'CA', 'Compression', 'FileHash', 'FileSize'])
    refused(`${lines(least)}${name}: \n${name}: \n`, new RegExp(`${name} a second time`), 6);
  refused('', /cut short/);
  refused(lines(least).slice(0, -1), /cut short/);
  refused(`${lines(least)}\n`, /not `Name: value`/, 5);
  refused(`Compression:xz\n${lines(least)}`, /not `Name: value`/, 1);
  refused('<html>\n', /not `Name: value`/, 1);
  refused(changed({ StorePath: base }), /line 1, StorePath/, 1);
  refused(changed({ StorePath: `/gnu/store/${base}` }), /store directory/, 1);
  refused(changed({ StorePath: `${path}/x` }), /line 1/, 1);
  refused(changed({ URL: '' }), /URL/, 2);
  refused(changed({ URL: 'nar/x.nar\r' }), /line 2, URL: 'nar\/x.nar\\x0d'/, 2);
  refused(changed({ NarHash: 'sha1:2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }), /should be a sha256/, 3);
  refused(changed({ NarHash: '' }), /NarHash/, 3);
  for (const size of [
    '0',
    '00',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    ' 1',
    '',
    '9007199254740992',
    '9'.repeat(40),
  ])
    refused(changed({ NarSize: size }), /NarSize/, 4);
  refused(changed({ References: path }), /References/, 5);
  refused(changed({ References: `${base}\t${base}` }), /References/, 5);
  refused(changed({ Deriver: `${path}.drv` }), /Deriver/, 5);
  refused(changed({ Deriver: '' }), /Deriver/, 5);
  refused(changed({ CA: 'fixed:zzz' }), /CA/, 5);
  refused(changed({ Compression: '../xz' }), /Compression/, 5);
});

test('any text gives a narinfo or one kind of error', () => {
  const piece = fc.constantFrom(
    '\n',
    ': ',
    ':',
    ' ',
    'StorePath',
    'URL',
    'NarHash',
    'NarSize',
    path,
    narHash,
    '1',
    'Sig',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 20 }), (pieces) => {
      try {
        parse(pieces.join(''));
      } catch (error) {
        assert.ok(isAirplantError(error, 'ERR_NARINFO'), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('a value that would start a new field is not written', () => {
  const info = parse(lines(least));
  for (const extra of [{ url: 'x\nSig: y' }, { signatures: ['a:b\nCA: '] }, { compression: 'xz\0' }])
    assert.throws(
      () => formatNarInfo({ ...info, ...extra }),
      (error) => isAirplantError(error, 'ERR_NARINFO'),
    );
});
