import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AirplantError, isAirplantError } from '../../ts/base/errors.js';
import type { Derivation, InputOutputs } from '../../ts/derivation/derivation.js';
import { printJson } from '../../ts/derivation/json-print.js';
import { derivationFromJson, derivationsFromJson } from '../../ts/derivation/json-read.js';
import { type JsonObject, parseJson } from '../../ts/derivation/json-text.js';
import {
  type DerivationJsonVersion,
  derivationsToJson,
  derivationToJson,
} from '../../ts/derivation/json-write.js';
import { makeFixedOutputPath, outputPathName } from '../../ts/formats/make-store-path.js';
import { arbitraryDerivation } from './arbitrary.js';
import { loadCorpus } from './corpus.js';

const storeDir = '/nix/store';
const versions: readonly DerivationJsonVersion[] = [1, 2, 3, 4];

for (const name of ['packages', 'handmade'] as const) {
  test(`${name}: version 1 is what nix show-derivation prints, to the byte`, () => {
    const { files, lookup, showDerivation } = loadCorpus(name);
    const paths = [...files.keys()].sort();
    const json = derivationsToJson(
      paths.map((path) => [path, lookup(path)]),
      1,
    );
    if (name === 'handmade') assert.equal(`${printJson(json, { indent: 2 })}\n`, showDerivation);
    else
      assert.equal(
        printJson(json, { sortKeys: true }),
        printJson(parseJson(showDerivation, 'x'), { sortKeys: true }),
      );
  });

  test(`${name}: every version is read back as the same derivation`, () => {
    const { files, lookup } = loadCorpus(name);
    for (const version of versions) {
      const json = derivationsToJson(
        [...files.keys()].map((path) => [path, lookup(path)]),
        version,
      );
      const read = derivationsFromJson(parseJson(printJson(json), 'x'), { storeDir });
      assert.equal(read.size, files.size);
      for (const path of files.keys()) assert.deepEqual(read.get(path), lookup(path));
    }
  });
}

for (const version of versions) {
  test(`any derivation survives version ${version}`, () => {
    fc.assert(
      fc.property(arbitraryDerivation, (arbitrary) => {
        const derivation = version === 1 ? withoutDynamic(arbitrary) : withFixedPaths(arbitrary, version);
        if (!derivation) return;
        const text = printJson(derivationToJson(derivation, version), { indent: 2 });
        const { name } = derivation;
        assert.deepEqual(derivationFromJson(parseJson(text, 'x'), { storeDir, name }), derivation);
      }),
      { numRuns: 300 },
    );
  });
}

const example: Derivation = {
  name: 'example',
  outputs: new Map([['out', { kind: 'floating', method: 'nar', algorithm: 'sha256' }]]),
  inputDrvs: new Map([
    [
      '/nix/store/00000000000000000000000000000000-a.drv',
      { outputs: ['out'], dynamic: new Map([['out', { outputs: ['dev'], dynamic: new Map() }]]) },
    ],
  ]),
  inputSrcs: ['/nix/store/00000000000000000000000000000000-s'],
  system: 'x86_64-linux',
  builder: '/bin/sh',
  args: ['-c', 'true'],
  env: new Map([['__json', '{"big":9223372036854775807,"one":1.0}']]),
};

test('version 4 has the keys of Nix 2.35', () => {
  assert.deepEqual(JSON.parse(printJson(derivationToJson(example, 4))), {
    name: 'example',
    version: 4,
    outputs: { out: { method: 'nar', hashAlgo: 'sha256' } },
    inputs: {
      srcs: ['00000000000000000000000000000000-s'],
      drvs: {
        '00000000000000000000000000000000-a.drv': {
          outputs: ['out'],
          dynamicOutputs: { out: { outputs: ['dev'], dynamicOutputs: {} } },
        },
      },
    },
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: ['-c', 'true'],
    env: {},
    structuredAttrs: { big: Number('9223372036854775807'), one: 1 },
  });
});

test('version 1 cannot hold dynamic inputs', () => {
  assert.throws(
    () => derivationToJson(example, 1),
    (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID'),
  );
});

test('structured attributes keep the text of their numbers', () => {
  const text = printJson(derivationToJson(example, 4));
  assert.match(text, /"structuredAttrs":\{"big":9223372036854775807,"one":1\.0\}/);
  assert.deepEqual(derivationFromJson(parseJson(text, 'x'), { storeDir }), example);
  refusal(JSON.parse(text), '$.structuredAttrs.big');
});

for (const [why, path, change] of [
  ['a list', '$', () => []],
  ['null', '$', () => null],
  ['unknown version', '$.version', { version: 5 }],
  ['version as text', '$.version', { version: '4' }],
  ['missing key', '$', { args: undefined }],
  ['unknown key', '$', { extra: 1 }],
  ['key of another version', '$', { inputSrcs: [] }],
  ['name with a slash', '$.name', { name: 'a/b' }],
  ['system as number', '$.system', { system: 1 }],
  ['argument as number', '$.args[1]', { args: ['a', 1] }],
  ['lone surrogate', '$.args[0]', { args: ['\ud800'] }],
  ['lone surrogate in a key', '$.env["\\ud800"]', { env: { '\ud800': '' } }],
  ['variable as list', '$.env["a b"]', { env: { 'a b': [] } }],
  ['both forms of structured attributes', '$.env.__json', { env: { __json: '{}' } }],
  ['structured attributes as list', '$.structuredAttrs', { structuredAttrs: [] }],
  ['full path', '$.inputs.srcs[0]', { inputs: { srcs: [`${storeDir}/${'0'.repeat(32)}-a`], drvs: {} } }],
  ['path out of the store', '$.inputs.srcs[0]', { inputs: { srcs: ['../../etc/passwd'], drvs: {} } }],
  ['inputs as list', '$.inputs', { inputs: [] }],
  ['output with odd keys', '$.outputs.out', { outputs: { out: { method: 'nar' } } }],
  ['unknown method', '$.outputs.out.method', { outputs: { out: { method: 'zip', hashAlgo: 'sha256' } } }],
  ['unknown algorithm', '$.outputs.out.hashAlgo', { outputs: { out: { method: 'nar', hashAlgo: 'crc' } } }],
  ['hash not SRI', '$.outputs.out.hash', { outputs: { out: { method: 'nar', hash: 'a'.repeat(64) } } }],
  [
    'impure not true',
    '$.outputs.out.impure',
    { outputs: { out: { method: 'nar', hashAlgo: 'sha256', impure: false } } },
  ],
  [
    'output that cannot have a path',
    '$.outputs["../x"]',
    { outputs: { '../x': { method: 'flat', hash: `sha256-${'A'.repeat(43)}=` } } },
  ],
] as const) {
  test(`refused: ${why}`, () => {
    const document = JSON.parse(printJson(derivationToJson({ ...example, env: new Map() }, 4))) as JsonObject;
    const attributes = why.includes('both') ? { structuredAttrs: {} } : {};
    const changed = typeof change === 'function' ? change() : { ...document, ...attributes, ...change };
    refusal(JSON.parse(JSON.stringify(changed)), path);
  });
}

test('dynamic inputs nested without end are refused', () => {
  let input: JsonObject = { outputs: [], dynamicOutputs: {} };
  for (let i = 0; i < 5000; i++) input = { outputs: [], dynamicOutputs: { out: input } };
  const document = {
    ...derivationToJson(example, 4),
    inputs: { srcs: [], drvs: { [`${'0'.repeat(32)}-a.drv`]: input } },
  };
  refusal(document);
});

test('version 1 needs the name from its path, and a path that is one', () => {
  const document = derivationToJson(withoutDynamic(example), 1);
  refusal(document, '$');
  assert.throws(() => derivationsFromJson({ '/nix/store/x.drv': document }, { storeDir }));
  assert.throws(() => derivationsFromJson({ [`/nix/store/${'0'.repeat(32)}-x`]: document }, { storeDir }));
});

function withoutDynamic(derivation: Derivation): Derivation {
  const inputs = [...derivation.inputDrvs].map(
    ([path, { outputs }]) => [path, { outputs, dynamic: new Map() }] as [string, InputOutputs],
  );
  return { ...derivation, inputDrvs: new Map(inputs) };
}

/** Later versions leave out what follows from the rest, so arbitrary paths of fixed outputs become the right ones. */
function withFixedPaths(derivation: Derivation, version: DerivationJsonVersion): Derivation | undefined {
  if (version < 3) return derivation;
  const env = new Map(derivation.env);
  env.delete('__json');
  const outputs = new Map(derivation.outputs);
  for (const [outputName, output] of outputs) {
    if (output.kind !== 'fixed') continue;
    const name = outputPathName(derivation.name, outputName);
    try {
      outputs.set(outputName, { ...output, path: makeFixedOutputPath(storeDir, { ...output, name }) });
    } catch {
      return undefined;
    }
  }
  return { ...derivation, env, outputs };
}

function refusal(value: unknown, path?: string): AirplantError {
  try {
    derivationFromJson(value, { storeDir });
  } catch (error) {
    assert.ok(isAirplantError(error, 'ERR_DERIVATION_SYNTAX'), String(error));
    if (path !== undefined) assert.equal(error.details['path'], path, error.message);
    return error;
  }
  assert.fail('accepted');
}
