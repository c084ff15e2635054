import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AirplantError, isAirplantError } from '../../ts/base/errors.js';
import { encodeText } from '../../ts/base/text.js';
import { maxDerivationBytes, parseDerivation } from '../../ts/derivation/aterm-parse.js';
import { printDerivation } from '../../ts/derivation/aterm-print.js';
import { maxDynamicDepth } from '../../ts/derivation/derivation.js';
import { arbitraryDerivation } from './arbitrary.js';
import { loadCorpus } from './corpus.js';

for (const name of ['packages', 'handmade'] as const) {
  test(`${name}: printing what was parsed gives the same bytes`, () => {
    const { files, lookup } = loadCorpus(name);
    assert.ok(files.size >= 85);
    for (const [drvPath, bytes] of files) {
      assert.ok(printDerivation(lookup(drvPath)).equals(bytes), drvPath);
    }
  });
}

test('any derivation survives printing and parsing', () => {
  fc.assert(
    fc.property(arbitraryDerivation, (derivation) => {
      assert.deepEqual(parse(printDerivation(derivation)), { ...derivation, name: 'x' });
    }),
    { numRuns: 500 },
  );
});

test('printing sorts maps and sets whatever order they come in', () => {
  fc.assert(
    fc.property(arbitraryDerivation, (derivation) => {
      const reversed = {
        ...derivation,
        outputs: new Map([...derivation.outputs].reverse()),
        inputDrvs: new Map([...derivation.inputDrvs].reverse()),
        inputSrcs: [...derivation.inputSrcs, ...derivation.inputSrcs].reverse(),
        env: new Map([...derivation.env].reverse()),
      };
      assert.deepEqual(printDerivation(reversed), printDerivation(derivation));
    }),
    { numRuns: 200 },
  );
});

test('whatever is accepted is printed back byte for byte', () => {
  const seeds = [...loadCorpus('handmade').files.values()].filter((bytes) => bytes.length < 2000);
  const junk = fc.constantFrom(...'"\\,()[]nrDerive0af\n\t\r ', '""', '[]', '\\q', '("a","b")', '[("a","b")');
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(2000), fc.nat(3), junk), { minLength: 1, maxLength: 3 }),
      (seed, edits) => {
        let text = seed.toString('latin1');
        for (const [at, cut, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + cut);
        const bytes = Buffer.from(text, 'latin1');
        try {
          const derivation = parse(bytes);
          assert.ok(printDerivation(derivation).equals(bytes));
        } catch (error) {
          if (!isAirplantError(error, 'ERR_DERIVATION_SYNTAX')) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('a derivation cut at any byte is refused with the offset', () => {
  const { files } = loadCorpus('handmade');
  const samples = [...files].filter(([path]) =>
    /-(structured|non-utf8|unicode|fod-rec-sha256)\.drv$/.test(path),
  );
  assert.equal(samples.length, 5);
  for (const [, bytes] of samples) {
    for (let length = 0; length < bytes.length; length++) {
      const error = refusal(bytes.subarray(0, length));
      const { offset, file, expected } = error.details;
      assert.equal(file, '/store/x.drv');
      assert.ok(typeof offset === 'number' && offset <= length, `${length}: ${error.message}`);
      assert.ok(expected);
    }
  }
});

test('offsets count bytes, not characters', () => {
  const text = 'Derive([],[],[],"s","grüße 🦉",[],[("k",v)])';
  assert.equal(refusal(text).details['offset'], encodeText(text).indexOf('v)'));
  const bytes = Buffer.concat([
    Buffer.from('Derive([],[],[],"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"x'),
  ]);
  assert.equal(refusal(bytes).details['offset'], bytes.length - 1);
});

const hex = 'a'.repeat(64);
const sound = 'Derive([("out","/nix/store/o","","")],[],[],"s","b",[],[])';

for (const [why, text] of [
  ['nothing', ''],
  ['something else', '#!/bin/sh'],
  ['trailing line break', `${sound}\n`],
  ['white space', sound.replace(',[]', ', []')],
  ['needless escape', sound.replace('"s"', '"\\s"')],
  ['raw line break', sound.replace('"s"', '"\n"')],
  ['raw tab', sound.replace('"s"', '"\t"')],
  ['backslash at the end', 'Derive([("\\'],
  ['trailing comma', sound.replace(',[],"s"', ',["/a",],"s"')],
  ['relative input', sound.replace(',[],"s"', ',["a"],"s"')],
  ['unsorted inputs', sound.replace(',[],"s"', ',["/b","/a"],"s"')],
  ['input twice', sound.replace(',[],"s"', ',["/a","/a"],"s"')],
  ['variable twice', sound.replace('[])', '[("a","1"),("a","2")])')],
  ['unsorted variables', sound.replace('[])', '[("b","1"),("a","2")])')],
  ['unsorted beyond U+FFFF', sound.replace('[])', '[("🦉","1"),("\uffff","2")])')],
  ['output twice', sound.replace('[(', '[("out","/nix/store/o","",""),(')],
  ['relative output', sound.replace('/nix/store/o', 'o')],
  ['hash without algorithm', sound.replace('"",""', `"","${hex}"`)],
  ['unknown algorithm', sound.replace('"",""', `"sha3","${hex}"`)],
  ['unknown method', sound.replace('"",""', `"x:sha256","${hex}"`)],
  ['inherited name as algorithm', sound.replace('"",""', '"constructor",""')],
  ['flat written as a prefix', sound.replace('"",""', `":sha256","${hex}"`)],
  ['short hash', sound.replace('"",""', `"sha256","${hex.slice(2)}"`)],
  ['upper-case hash', sound.replace('"",""', `"sha256","${hex.toUpperCase()}"`)],
  ['floating with a path', sound.replace('"",""', '"sha256",""')],
  ['impure with a path', sound.replace('"",""', '"sha256","impure"')],
  ['fixed without a path', sound.replace('"/nix/store/o","",""', `"","sha256","${hex}"`)],
  ['unknown version', sound.replace('Derive(', 'DrvWithVersion("xp-other",')],
  ['needless version', sound.replace('Derive(', 'DrvWithVersion("xp-dyn-drv",')],
  ['dynamic input without version', sound.replace('],[],', '],[("/d.drv",(["out"],[("out",["out"])]))],')],
] as const) {
  test(`refused: ${why}`, () => {
    refusal(text);
  });
}

test('dynamic inputs nest, but not without end', () => {
  const nested = (depth: number) =>
    `DrvWithVersion("xp-dyn-drv",[("out","","","")],[("/d.drv",${'([],[("out",'.repeat(depth)}["out"]${')])'.repeat(depth)})],[],"s","b",[],[])`;
  const text = nested(maxDynamicDepth);
  assert.equal(printDerivation(parse(text)).toString(), text);
  refusal(nested(maxDynamicDepth + 1));
  refusal(nested(100_000));
  refusal(text.replace('(["out"]', '([]'.repeat(1)).replace('[("out",["out"])]', '[]'));
});

test('a derivation of 100 MB is refused before it is read', () => {
  const error = refusal(Buffer.alloc(100 * 1024 * 1024));
  assert.equal(error.details['offset'], maxDerivationBytes);
});

test('a long string and many escapes are read in linear time and constant stack', () => {
  const value = 'a"\n'.repeat(1_000_000);
  const derivation = { ...parse(sound), env: new Map([['big', value]]) };
  assert.equal(parse(printDerivation(derivation)).env.get('big'), value);
});

test('a string that stands for no bytes cannot be printed', () => {
  for (const env of [
    new Map([['a', '\ud800']]),
    new Map([
      ['a\ud800', ''],
      ['b\ud800', ''],
    ]),
  ]) {
    assert.throws(
      () => printDerivation({ ...parse(sound), env }),
      (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID'),
    );
  }
});

function parse(input: Uint8Array | string) {
  return parseDerivation(Buffer.from(input), { name: 'x', file: '/store/x.drv' });
}

function refusal(input: Uint8Array | string): AirplantError {
  try {
    parse(input);
  } catch (error) {
    assert.ok(isAirplantError(error, 'ERR_DERIVATION_SYNTAX'), String(error));
    return error;
  }
  assert.fail(`accepted ${input.length} bytes`);
}
