import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import { parseDerivation } from '../../ts/derivation/aterm-parse.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import { derivationPath } from '../../ts/derivation/derivation-path.js';
import { hashDerivationModulo } from '../../ts/derivation/hash-modulo.js';
import { checkOutputPaths, fillOutputPaths, outputPaths } from '../../ts/derivation/output-paths.js';
import { loadCorpus } from './corpus.js';

const storeDir = '/nix/store';

for (const name of ['packages', 'handmade'] as const) {
  test(`${name}: paths of derivations and of their outputs are those Nix gave`, () => {
    const { manifest, lookup } = loadCorpus(name);
    const memo = new Map();
    for (const { drvPath, outputs } of manifest) {
      const derivation = lookup(drvPath);
      assert.equal(derivationPath(storeDir, derivation), drvPath);
      const paths = outputPaths(derivation, { lookup, storeDir, memo });
      assert.deepEqual(
        [...paths].map(([output, path]) => [output, path ?? '-']),
        [...outputs],
        drvPath,
      );
      checkOutputPaths(derivation, { lookup, storeDir, memo });
    }
    assert.ok(memo.size > 0);
  });
}

test('realisations are named by the masked hash modulo', () => {
  const { files, lookup } = loadCorpus('handmade');
  // Ids of realisations that Nix 2.8 registered when it built these.
  for (const [name, hash] of [
    ['ca-recursive', 'dd5919001c59bba82b650e742be92b7f2eb440621526dc3f040f39bc362af4ce'],
    ['ca-dependent', '18f0095c479d6b9bc2dbb4206667f146f2aa6c1b8821a48cb63ca02182105492'],
  ] as const) {
    const drvPath = [...files.keys()].find((path) => path.endsWith(`-${name}.drv`))!;
    const modulo = hashDerivationModulo(lookup(drvPath), { lookup, maskOutputs: true });
    assert.deepEqual(modulo, { kind: 'deferred', hashes: new Map([['out', hash]]) });
  }
});

test('two fetchers of the same fixed output are the same input', () => {
  const { files, lookup } = loadCorpus('handmade');
  const users = [...files.keys()].filter((path) => /\w{32}-fod-user\.drv$/.test(path));
  assert.equal(users.length, 2);
  const paths = users.map((path) => outputPaths(lookup(path), { lookup, storeDir }).get('out'));
  assert.equal(paths[0], paths[1]);
});

test('a wrong output path, variable or fixed path is refused, with what it should be', () => {
  const { files, lookup } = loadCorpus('handmade');
  for (const suffix of ['-multi.drv', '-fod-rec-sha512.drv']) {
    const bytes = files.get([...files.keys()].find((path) => path.endsWith(suffix))!)!;
    const name = suffix.slice(1, -4);
    const sound = bytes.toString();
    const path = /"out","(\/nix\/store\/[^"]+)"/.exec(sound)![1]!;
    const wrong = path.replace(/\/store\/./, (start) => (start.endsWith('0') ? '/store/1' : '/store/0'));
    const variants = [
      sound.replace(`("out","${path}"`, `("out","${wrong}"`),
      sound.replace(`("out","${path}")`, `("out","${wrong}")`),
      // Here the hash is another too: a variable that is not there is not an empty one.
      sound.replace(`,("out","${path}")`, ''),
    ];
    for (const text of variants) {
      assert.notEqual(text, sound);
      const derivation = parseDerivation(Buffer.from(text), { name });
      assert.throws(
        () => checkOutputPaths(derivation, { lookup, storeDir }),
        (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID') && error.message.includes(', should be '),
      );
    }
  }
});

test('deferred outputs are filled in where all inputs are known, and left alone otherwise', () => {
  const { files, lookup } = loadCorpus('handmade');
  for (const [drvPath, derivation] of [...files.keys()].map((path) => [path, lookup(path)] as const)) {
    if (![...derivation.outputs.values()].every(({ kind }) => kind === 'input-addressed')) continue;
    const blank = {
      ...derivation,
      outputs: new Map(
        [...derivation.outputs.keys()].map((output) => [output, { kind: 'deferred' as const }]),
      ),
      env: new Map(
        [...derivation.env].map(([key, value]) => [key, derivation.outputs.has(key) ? '' : value]),
      ),
    };
    assert.deepEqual(fillOutputPaths(blank, { lookup, storeDir }), derivation, drvPath);
  }
  const deferred = lookup([...files.keys()].find((path) => path.endsWith('-input-addressed-on-ca.drv'))!);
  assert.equal(fillOutputPaths(deferred, { lookup, storeDir }), deferred);
});

function chain(length: number, input: (index: number) => string): Map<string, Derivation> {
  return new Map(
    Array.from({ length }, (_, i) => [
      `/nix/store/${String(i).padStart(32, '0')}-x.drv`,
      {
        name: 'x',
        outputs: new Map([['out', { kind: 'deferred' as const }]]),
        inputDrvs: new Map(input(i) === '' ? [] : [[input(i), { outputs: ['out'], dynamic: new Map() }]]),
        inputSrcs: [],
        system: 's',
        builder: 'b',
        args: [],
        env: new Map(),
      },
    ]),
  );
}

const pathOf = (i: number) => `/nix/store/${String(i).padStart(32, '0')}-x.drv`;

test('a chain of 20,000 derivations needs no deep stack and asks for each once', () => {
  const all = chain(20_000, (i) => (i === 0 ? '' : pathOf(i - 1)));
  let asked = 0;
  const lookup = (drvPath: string) => {
    asked++;
    return all.get(drvPath)!;
  };
  const last = all.get(pathOf(19_999))!;
  assert.equal(outputPaths(last, { lookup, storeDir }).size, 1);
  assert.equal(asked, 19_999);
});

test('a cycle, a missing input and an output that is not there are refused', () => {
  const cycle = chain(3, (i) => pathOf((i + 1) % 3));
  assert.throws(
    () => outputPaths(cycle.get(pathOf(0))!, { lookup: (path) => cycle.get(path)!, storeDir }),
    (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID') && error.message.includes('input of itself'),
  );
  const open = chain(1, () => pathOf(7));
  const missing = new Error('missing');
  assert.throws(
    () =>
      outputPaths(open.get(pathOf(0))!, {
        lookup: () => {
          throw missing;
        },
        storeDir,
      }),
    missing,
  );
  const pair = chain(2, (i) => (i === 1 ? pathOf(0) : ''));
  const first = { ...pair.get(pathOf(0))!, outputs: new Map([['dev', { kind: 'deferred' as const }]]) };
  assert.throws(
    () => outputPaths(pair.get(pathOf(1))!, { lookup: () => first, storeDir }),
    (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID') && error.message.includes("'out'"),
  );
});

test('dynamic inputs defer everything above them', () => {
  const all = chain(3, (i) => (i === 0 ? '' : pathOf(i - 1)));
  const dynamic = new Map([['out', { outputs: ['out'], dynamic: new Map() }]]);
  all.set(pathOf(1), {
    ...all.get(pathOf(1))!,
    inputDrvs: new Map([[pathOf(0), { outputs: [], dynamic }]]),
  });
  const modulo = hashDerivationModulo(all.get(pathOf(2))!, {
    lookup: (path) => all.get(path)!,
    maskOutputs: true,
  });
  assert.deepEqual(modulo, { kind: 'deferred', hashes: undefined });
});

test('outputs of mixed kinds are refused', () => {
  const [derivation] = chain(1, () => '').values();
  const hash = { algorithm: 'sha256', hex: 'a'.repeat(64) } as const;
  const fixed = { kind: 'fixed', path: '/nix/store/x', method: 'flat', hash } as const;
  const floating = { kind: 'floating', method: 'nar', algorithm: 'sha256' } as const;
  const deferred = { kind: 'deferred' } as const;
  for (const outputs of [
    new Map(),
    new Map([['dev', fixed]]),
    new Map([
      ['out', fixed],
      ['dev', fixed],
    ]),
    new Map<string, typeof floating | typeof deferred>([
      ['out', floating],
      ['dev', deferred],
    ]),
  ]) {
    assert.throws(
      () => outputPaths({ ...derivation!, outputs }, { lookup: () => assert.fail(), storeDir }),
      (error) => isAirplantError(error, 'ERR_DERIVATION_INVALID'),
    );
  }
});
