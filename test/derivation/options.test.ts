import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import { isJsonObject, type JsonObject, parseJson } from '../../ts/derivation/json-text.js';
import { type DerivationOptions, derivationOptions } from '../../ts/derivation/options.js';
import { structuredAttributeFiles } from '../../ts/derivation/structured-attrs.js';
import { loadCorpus } from './corpus.js';

const { files, lookup } = loadCorpus('handmade');

function optionsOf(name: string): DerivationOptions {
  return derivationOptions(lookup([...files.keys()].find((path) => path.slice(44) === `${name}.drv`)!));
}

function withEnv(env: Record<string, string>): DerivationOptions {
  const plain = lookup([...files.keys()].find((path) => path.endsWith('-plain.drv'))!);
  return derivationOptions({ ...plain, env: new Map(Object.entries(env)) });
}

const nothingAdded = { outputs: new Map<string, string>(), graphs: new Map() };

const withJson = (attributes: unknown) => withEnv({ __json: JSON.stringify(attributes) });

test('defaults', () => {
  const expected = {
    structuredAttrs: undefined,
    passAsFile: [],
    exportReferencesGraph: new Map(),
    outputChecks: new Map(),
    unsafeDiscardReferences: new Set(),
    requiredSystemFeatures: [],
    preferLocalBuild: false,
    allowSubstitutes: true,
    impureEnvVars: [],
    noChroot: false,
    impureHostDeps: [],
    sandboxProfile: '',
    allowLocalNetworking: false,
  };
  assert.deepEqual(withEnv({}), expected);
  const { structuredAttrs, ...rest } = withJson({ passAsFile: 3, preferLocalBuild: null });
  assert.ok(structuredAttrs);
  assert.deepEqual(
    { structuredAttrs: undefined, ...rest },
    expected,
    'passAsFile has no meaning there, null is absent',
  );
});

test('options of real derivations', () => {
  assert.deepEqual(optionsOf('pass-as-file-odd').passAsFile, ['a-b', 'ü', 'missing']);
  assert.deepEqual(optionsOf('required-system-features').requiredSystemFeatures, [
    'big-parallel',
    'kvm',
    'my-feature',
  ]);
  assert.deepEqual(optionsOf('ca-multi').requiredSystemFeatures, ['ca-derivations']);
  assert.equal(optionsOf('no-chroot').noChroot, true);
  assert.deepEqual(optionsOf('impure-env-vars').impureEnvVars, ['IMPURE_VAR1', 'IMPURE_VAR2', 'http_proxy']);
  const local = optionsOf('prefer-local');
  assert.deepEqual([local.preferLocalBuild, local.allowSubstitutes], [true, false]);
  const darwin = optionsOf('impure-host-deps');
  assert.deepEqual(darwin.impureHostDeps, ['/usr/lib/libSystem.dylib']);
  assert.equal(darwin.sandboxProfile, '(allow file-read*)');
  assert.equal(darwin.allowLocalNetworking, true);
  const graphs = optionsOf('export-graph-two').exportReferencesGraph;
  assert.deepEqual([...graphs.keys()], ['g1', 'g2']);
  assert.match(graphs.get('g2')![0]!, /-multi-dev$/);
});

test('checks of plain derivations hold for every output and ignore self-references', () => {
  const checks = optionsOf('allowed-none').outputChecks.get('out')!;
  assert.deepEqual(checks.allowedReferences, []);
  assert.equal(checks.allowedRequisites, undefined);
  assert.equal(checks.ignoreSelfRefs, true);
  assert.deepEqual(optionsOf('disallowed-self').outputChecks.get('out')!.disallowedReferences, ['out']);
});

test('checks of structured derivations are an output each', () => {
  const { outputChecks, unsafeDiscardReferences } = optionsOf('structured-checks');
  assert.deepEqual([...outputChecks.keys()], ['dev', 'lib', 'out']);
  const out = outputChecks.get('out')!;
  assert.deepEqual([out.maxSize, out.maxClosureSize, out.ignoreSelfRefs], [1024, 4096, false]);
  assert.equal(out.allowedReferences!.length, 2);
  assert.equal(outputChecks.get('dev')!.ignoreSelfRefs, true);
  assert.deepEqual(unsafeDiscardReferences, new Set(['lib']));
  const graphs = optionsOf('structured').exportReferencesGraph;
  assert.deepEqual(
    [...graphs].map(([name, paths]) => [name, paths.length]),
    [
      ['more', 2],
      ['refs', 1],
    ],
  );
});

test('Booleans of the environment are true only as 1', () => {
  for (const value of ['', '0', 'true', '1 '])
    assert.equal(withEnv({ preferLocalBuild: value }).preferLocalBuild, false);
  assert.equal(withEnv({ allowSubstitutes: '' }).allowSubstitutes, false);
});

test('wrong types are refused by name', () => {
  for (const [attribute, options] of [
    ['preferLocalBuild', () => withJson({ preferLocalBuild: '1' })],
    ['requiredSystemFeatures', () => withJson({ requiredSystemFeatures: 'kvm' })],
    ['impureEnvVars', () => withJson({ impureEnvVars: ['a', 1] })],
    ['__sandboxProfile', () => withJson({ __sandboxProfile: [] })],
    ['outputChecks', () => withJson({ outputChecks: [] })],
    ['outputChecks.out.maxSize', () => withJson({ outputChecks: { out: { maxSize: -1 } } })],
    [
      'outputChecks.out.allowedReferences',
      () => withJson({ outputChecks: { out: { allowedReferences: 'x' } } }),
    ],
    ['unsafeDiscardReferences.out', () => withJson({ unsafeDiscardReferences: { out: 'yes' } })],
    ['exportReferencesGraph.g', () => withJson({ exportReferencesGraph: { g: [['a', 1]] } })],
    ['exportReferencesGraph', () => withJson({ exportReferencesGraph: ['g', '/nix/store/x'] })],
    ['exportReferencesGraph', () => withJson({ exportReferencesGraph: { outputs: ['/nix/store/x'] } })],
    ['exportReferencesGraph', () => withEnv({ exportReferencesGraph: 'name' })],
    ['exportReferencesGraph', () => withEnv({ exportReferencesGraph: '../name /nix/store/x' })],
    ['__json', () => withJson([])],
    ['__json', () => withEnv({ __json: '{"a":"\u{dc80}"}' })],
  ] as const) {
    assert.throws(options, (error) => {
      assert.ok(isAirplantError(error, 'ERR_DERIVATION_INVALID'), String(error));
      assert.equal(error.details['attribute'], attribute);
      return true;
    });
  }
  assert.throws(
    () => withEnv({ __json: '{' }),
    (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID'),
  );
});

test('__json that is too deep or holds too much is refused, whatever its size', () => {
  const refused = (__json: string, words: RegExp) =>
    assert.throws(() => withEnv({ __json }), { code: 'ERR_DERIVATION_INVALID', message: words });
  refused(`{"a":${'['.repeat(1_000_000)}`, /should be a value less than 512 levels deep/);
  const values = (count: number) => `{"a":[${'0,'.repeat(count - 3)}0]}`;
  refused(values(1_000_001), /should be the end of a text of at most 1000000 values/);
  withEnv({ __json: values(1_000_000) });
  withEnv({ __json: `{"a":"${'x'.repeat(10_000_000)}"}` });
});

test('the files of structured attributes are those Nix gives a builder', () => {
  // The output of a builder under Nix 2.8 that ran `cat .attrs.json .attrs.sh`.
  const text = readFileSync(
    new URL('../../../test/fixtures/derivations/structured.attrs', import.meta.url),
    'utf8',
  );
  const [json, shell] = [text.slice(0, text.indexOf('declare')), text.slice(text.indexOf('declare'))];
  const attributes = parseJson(json, 'x');
  assert.ok(isJsonObject(attributes));
  const { outputs, ...given } = attributes;
  const added = { outputs: new Map(Object.entries(outputs as Record<string, string>)), graphs: new Map() };
  assert.deepEqual(structuredAttributeFiles(given, added), { json, shell });
});

test('numbers come out as Nix reads them', () => {
  const numbers = parseJson(
    '{"a":1.0,"b":1e3,"c":9223372036854775808,"d":-0,"e":1e-7,"f":16777216.5,"g":4294967297,"h":1e100,"i":-1.0,"j":99999999999999999999}',
    'x',
  );
  const { json, shell } = structuredAttributeFiles(numbers as JsonObject, nothingAdded);
  assert.equal(
    json,
    '{"a":1.0,"b":1000.0,"c":9223372036854775808,"d":0,"e":1e-07,"f":16777216.5,"g":4294967297,"h":1e+100,"i":-1.0,"j":1e+20,"outputs":{}}',
  );
  assert.equal(
    shell,
    'declare a=1\ndeclare b=1000\ndeclare c=0\ndeclare d=0\ndeclare f=16777216\ndeclare g=1\ndeclare h=-2147483648\ndeclare i=-1\ndeclare j=-2147483648\ndeclare -A outputs=()\n',
  );
});

test('what bash cannot hold is left out, the rest is quoted', () => {
  const { shell } = structuredAttributeFiles(
    {
      'bad-name': 'x',
      nested: [[1]],
      mixed: { a: 1.5 },
      quoted: "it's\n$(x)",
      object: { "k'": null, b: false },
    },
    nothingAdded,
  );
  assert.equal(
    shell,
    "declare -A object=(['b']= ['k'\\''']='' )\ndeclare -A outputs=()\ndeclare quoted='it'\\''s\n$(x)'\n",
  );
});

test('outputs and graphs take the place of attributes of their name, whatever it is', () => {
  const given = parseJson('{"outputs":["out","dev"],"__proto__":{"a":1},"toString":"x"}', 'x') as JsonObject;
  const graphs = new Map([['__proto__', []]]);
  const { json } = structuredAttributeFiles(given, { outputs: new Map([['out', '/nix/store/x']]), graphs });
  assert.equal(json, '{"__proto__":[],"outputs":{"out":"/nix/store/x"},"toString":"x"}');
});
