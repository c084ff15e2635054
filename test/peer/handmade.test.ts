import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { parseDerivation } from '../../ts/derivation/aterm-parse.js';
import { formatHash } from '../../ts/formats/hash.js';
import { derivation, openStore, type Store } from '../../ts/index.js';
import { loadFiles } from '../derivation/corpus.js';
import { fixturePath, readTable } from '../support/fixtures.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// One derivation a feature, instantiated and built by Nix 2.8 with `sandbox = true`, `sandbox-paths = /bin/busybox`,
// `cores = 2` and IMPURE_VAR1=foo. Each must come out here as it did there, or be refused by name: a feature that is
// not there yet must not be left out silently. Whoever makes one work moves it from `refused` to `built`.
const needs = requires('linux', 'user-namespaces', 'program:busybox');
const directory = temporaryDirectory('handmade');

interface Expected {
  readonly drvPath: string;
  /** Of nix-build; undefined where it was not tried. */
  readonly exitStatus: number | undefined;
  /** By path. */
  readonly outputs: ReadonlyMap<string, { narHash: string; narSize: number; references: string[] }>;
}

const expected = new Map(
  readTable('derivations', 'handmade.built.tsv').map(([attribute, drvPath, exitStatus, outputs]) => [
    attribute!,
    {
      drvPath: drvPath!,
      exitStatus: exitStatus === '-' ? undefined : Number(exitStatus),
      outputs: outputsOf(outputs ?? ''),
    } satisfies Expected,
  ]),
);

const built = [
  ...['plain', 'emptyEnvValue', 'src', 'twoSrcs', 'chain1', 'chain2', 'chain3', 'diamond', 'drvAsInput'],
  ...['drvFileOnly', 'multi', 'multiNoOut', 'multiUser', 'multiUserOne', 'multiAll', 'selfRef'],
  ...['crossOutputRef', 'rt1', 'rt2', 'rt3', 'unicode', 'control', 'argEscapes', 'envNames', 'nameChars'],
  ...['longName', 'nonUtf8', 'types', 'passAsFile', 'passAsFileOdd', 'preferLocal'],
  ...['fodFlatSha256', 'fodFlatSha256Base32', 'fodFlatSri', 'fodFlatSha1', 'fodFlatMd5', 'fodFlatSha512'],
  ...['fodRecSha256', 'fodRecSha1', 'fodRecSha512', 'fodRecMd5', 'fodExecutable', 'fodUser'],
  ...['fodUserSameOutput', 'fodOtherBuilder', 'impureEnvVars'],
  ...[
    'allowedReferences',
    'allowedNone',
    'allowedRequisites',
    'disallowedReferences',
    'disallowedRequisites',
  ],
  ...['exportGraph', 'exportGraphTwo', 'exportGraphDrv', 'structured', 'structuredChecksOk'],
  'builtinBuildenv',
];

/** Its output is its environment, in which Nix 2.8 names the build directory of the host. */
const builtOtherwise = 'structuredMinimal';

/** Failures with the exit status of nix-build. */
const failed: Readonly<Record<string, string>> = {
  // The kernel passes no variable of more than 128 KiB.
  bigEnv: 'ERR_BUILDER_EXEC',
  // /bin/true is not in the sandbox.
  noArgs: 'ERR_BUILDER_MISSING',
  fodWrong: 'ERR_HASH_MISMATCH',
  allowedNoneFails: 'ERR_OUTPUT_REJECTED',
  disallowedReferencesFails: 'ERR_OUTPUT_REJECTED',
  disallowedSelf: 'ERR_OUTPUT_REJECTED',
  structuredChecks: 'ERR_OUTPUT_REJECTED',
  structuredChecksFails: 'ERR_OUTPUT_REJECTED',
  structuredMaxSize: 'ERR_OUTPUT_REJECTED',
  // Its __impureHostDeps are not allowed here, as they are not by Nix on Linux.
  darwinFlags: 'ERR_DERIVATION_INVALID',
  noChroot: 'ERR_SANDBOX_REQUIRED',
};

/** What is refused before anything runs, by the words that name it. */
const refused: Readonly<Record<string, RegExp>> = {
  ...all(['caRec', 'caFlat', 'caMulti', 'caDependent', 'impure', 'caStructured'], /depend on their content/),
  ...all(['inputOnCa'], /depend on the content of inputs/),
  ...all(['builtinFetchurl', 'builtinFetchurlExec', 'builtinFetchurlUnpack'], /builtin:fetchurl/),
  ...all(['builtinSystem'], /builtin:fetchurl/),
};

/** Fixed, so that it could be built itself, on an input that is refused. */
const onRefused = ['impureUser'];

/** What this machine is not. */
const elsewhere: Readonly<Record<string, RegExp>> = {
  otherSystem: /aarch64-linux/,
  requiredSystemFeatures: /my-feature/,
};

test('every attribute is in one of the lists', () => {
  const listed = [...built, builtOtherwise, ...Object.keys(failed), ...Object.keys(refused), ...onRefused];
  assert.deepEqual([...listed, ...Object.keys(elsewhere)].sort(), [...expected.keys()].sort());
});

before(async () => {
  if (needs.skip) return;
  await using store = await open();
  const { local } = store;
  for (const [name, contents] of [
    ['source.txt', 'source text\n'],
    ['b.txt', 'b\n'],
    ['a.txt', 'a\n'],
  ] as const)
    await local.addText({ name, contents, references: [] });
  await local.addPath({ name: 'non-utf8.bin', source: fixturePath('derivations', 'non-utf8.bin') });
  const files = [...loadFiles('handmade')];
  const added = await local.addTexts(
    files.map(([path, contents]) => {
      const derivation = { name: path.slice(44), contents };
      return { ...derivation, references: referencesOf(contents) };
    }),
  );
  assert.deepEqual(
    added.map(({ path }) => path),
    files.map(([path]) => path),
  );
});

test('what Nix built comes out the same, to the byte', needs, async (t) => {
  await using store = await open();
  const { results, exitStatus } = await store.build(built.map(drvPathOf)).result;
  for (const [index, attribute] of built.entries()) {
    await t.test(attribute, () => {
      const { error, outputs } = results[index]!;
      assert.equal(error, undefined);
      const facts = Object.values(outputs).map((path) => {
        const { narHash, narSize, references } = store.local.pathInfo(path);
        return [path, { narHash: formatHash(narHash, 'base32'), narSize, references }] as const;
      });
      assert.deepEqual(new Map(facts.sort()), expected.get(attribute)!.outputs);
    });
  }
  assert.equal(exitStatus, 0);
});

test(
  'structured attributes are all the environment there is, and are where the builder sees them',
  needs,
  async () => {
    await using store = await open();
    const { results } = await store.build([drvPathOf(builtOtherwise)]).result;
    const { out } = results[0]!.outputs;
    assert.deepEqual(readFileSync(store.local.realPath(out!), 'utf8').trimEnd().split('\n').sort(), [
      'HOME=/homeless-shelter',
      'NIX_ATTRS_JSON_FILE=/build/.attrs.json',
      'NIX_ATTRS_SH_FILE=/build/.attrs.sh',
      'NIX_BUILD_CORES=2',
      'NIX_BUILD_TOP=/build',
      'NIX_LOG_FD=2',
      'NIX_STORE=/nix/store',
      'PATH=/path-not-set',
      'PWD=/build',
      // Of the shell's own.
      'SHLVL=1',
      'TEMP=/build',
      'TEMPDIR=/build',
      'TERM=xterm-256color',
      'TMP=/build',
      'TMPDIR=/build',
    ]);
  },
);

test('what failed there fails here, with the same exit status', needs, async (t) => {
  await using store = await open();
  for (const [attribute, code] of Object.entries(failed)) {
    await t.test(attribute, async () => {
      const { results, exitStatus } = await store.build([drvPathOf(attribute)]).result;
      assert.equal(results[0]!.error?.code, code, results[0]!.error?.message);
      assert.equal(exitStatus, expected.get(attribute)!.exitStatus);
      assert.deepEqual(results[0]!.outputs, {});
    });
  }
});

test('what cannot be done is refused by name and never built without it', needs, async (t) => {
  await using store = await open();
  for (const [attribute, words] of Object.entries(refused)) {
    await t.test(attribute, async () => {
      const drvPath = drvPathOf(attribute);
      // By itself, whatever becomes of its dependencies.
      await assert.rejects(store.showSandbox(drvPath), { code: 'ERR_UNSUPPORTED', message: words });
      const { results, exitStatus } = await store.build([drvPath]).result;
      assert.match(results[0]!.error?.code ?? '', /^ERR_(UNSUPPORTED|DEPENDENCY_FAILED)$/);
      assert.equal(exitStatus, 1);
      assert.deepEqual(results[0]!.outputs, {});
    });
  }
  for (const attribute of onRefused) {
    await t.test(attribute, async () => {
      const { results, exitStatus } = await store.build([drvPathOf(attribute)]).result;
      assert.equal(results[0]!.error?.code, 'ERR_DEPENDENCY_FAILED');
      assert.equal(exitStatus, 1);
    });
  }
  for (const [attribute, words] of Object.entries(elsewhere)) {
    await t.test(attribute, async () => {
      const { results, exitStatus } = await store.build([drvPathOf(attribute)]).result;
      assert.equal(results[0]!.error?.code, 'ERR_PLATFORM');
      assert.match(results[0]!.error.message, words);
      assert.equal(exitStatus, 1);
    });
  }
});

test('a feature that changes the sandbox is not provided by naming it', needs, async () => {
  await using store = await open({ 'system-features': ['recursive-nix'] });
  const wanted = derivation({
    name: 'recursive',
    system: 'x86_64-linux',
    builder: '/bin/busybox',
    requiredSystemFeatures: ['recursive-nix'],
  });
  const { results } = await store.build([wanted]).result;
  assert.equal(results[0]!.error?.code, 'ERR_UNSUPPORTED');
  assert.match(results[0]!.error.message, /recursive-nix/);
});

/** The store all of these are in; the platform is that of the fixtures. */
function open(more: Record<string, readonly string[]> = {}): Promise<Store> {
  return openStore({
    store: directory,
    settings: {
      system: 'x86_64-linux',
      'sandbox-paths': ['/bin/busybox'],
      cores: 2,
      'max-jobs': 2,
      'keep-going': true,
      ...more,
    },
    env: { IMPURE_VAR1: 'foo', NIX_CONF_DIR: directory, HOME: directory },
  });
}

function drvPathOf(attribute: string): string {
  return expected.get(attribute)!.drvPath;
}

function all(attributes: readonly string[], words: RegExp): Record<string, RegExp> {
  return Object.fromEntries(attributes.map((attribute) => [attribute, words]));
}

/** `path narHash narSize [reference …] path …` */
function outputsOf(text: string): Expected['outputs'] {
  const outputs = [...text.matchAll(/(\S+) (sha256:\S+) (\d+) \[([^\]]*)\]/g)];
  return new Map(
    outputs
      .map(([, path, narHash, narSize, references]) => {
        const facts = { narHash: narHash!, narSize: Number(narSize) };
        return [path!, { ...facts, references: references!.split(' ').filter(Boolean).sort() }] as const;
      })
      .sort(),
  );
}

function referencesOf(derivation: Uint8Array): string[] {
  const { inputDrvs, inputSrcs } = parseDerivation(derivation, { name: 'x' });
  return [...inputSrcs, ...inputDrvs.keys()];
}
