import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import { derivationPath } from '../../ts/derivation/derivation-path.js';
import { resolveDerivation } from '../../ts/derivation/resolve.js';
import { nestedPlaceholder, upstreamPlaceholder } from '../../ts/formats/placeholder.js';
import { loadCorpus } from './corpus.js';

const storeDir = '/nix/store';
const { files, lookup } = loadCorpus('handmade');
const pathOf = (name: string) => [...files.keys()].find((path) => path.endsWith(`-${name}.drv`))!;

// What Nix 2.8 built the content-addressed input to, and the derivations it wrote after resolving.
const built = '/nix/store/rmzq5lydmmk00rdqv9v2gscic968bx3r-ca-recursive';
const outputOf = (drvPath: string, outputName: string) =>
  drvPath === pathOf('ca-recursive') && outputName === 'out' ? built : undefined;

test('a resolved derivation is the one Nix writes', () => {
  for (const [name, resolvedPath] of [
    ['ca-dependent', '/nix/store/ap2spnmxa2q67nclwpxxbhcpj9mvfyki-ca-dependent.drv'],
    ['input-addressed-on-ca', '/nix/store/c3r05gblr269py4nvpspi187xksyk8vb-input-addressed-on-ca.drv'],
  ] as const) {
    const resolved = resolveDerivation(lookup(pathOf(name)), { storeDir, outputOf });
    assert.equal(resolved.inputDrvs.size, 0);
    assert.deepEqual(resolved.inputSrcs, [built]);
    assert.equal(resolved.env.get('dep'), built);
    assert.equal(derivationPath(storeDir, resolved), resolvedPath);
  }
});

test('a deferred output gets its path', () => {
  const resolved = resolveDerivation(lookup(pathOf('input-addressed-on-ca')), { storeDir, outputOf });
  const path = '/nix/store/vpx89fxnnc54s6md61qxypnwaxhzkhsb-input-addressed-on-ca';
  assert.deepEqual(resolved.outputs.get('out'), { kind: 'input-addressed', path });
  assert.equal(resolved.env.get('out'), path);
});

test('an output nobody knows is named', () => {
  assert.throws(
    () => resolveDerivation(lookup(pathOf('ca-dependent')), { storeDir, outputOf: () => undefined }),
    (error) =>
      isAirplantError(error, 'ERR_INPUT_MISSING') && error.details['drvPath'] === pathOf('ca-recursive'),
  );
});

test('placeholders are replaced everywhere, also those of dynamic outputs', () => {
  const drvPath = `/nix/store/${'1'.repeat(32)}-maker.drv`;
  const innerDrv = `/nix/store/${'2'.repeat(32)}-made.drv`;
  const paths: Record<string, string> = {
    [`${drvPath}!out`]: innerDrv,
    [`${innerDrv}!dev`]: `/nix/store/${'3'.repeat(32)}-made-dev`,
  };
  const outer = upstreamPlaceholder('1'.repeat(32), 'maker');
  const inner = nestedPlaceholder(outer, 'dev');
  const derivation: Derivation = {
    name: 'user',
    outputs: new Map([['out', { kind: 'floating', method: 'nar', algorithm: 'sha256' }]]),
    inputDrvs: new Map([
      [drvPath, { outputs: ['out'], dynamic: new Map([['out', { outputs: ['dev'], dynamic: new Map() }]]) }],
    ]),
    inputSrcs: [`/nix/store/${'9'.repeat(32)}-source`],
    system: 's',
    builder: `${inner}/bin/sh`,
    args: [`${outer}${inner}`, 'plain'],
    env: new Map([
      [inner, outer],
      ['__json', `{"a":"${inner}"}`],
    ]),
  };
  const resolved = resolveDerivation(derivation, {
    storeDir,
    outputOf: (path, outputName) => paths[`${path}!${outputName}`],
  });
  const dev = paths[`${innerDrv}!dev`]!;
  assert.deepEqual(resolved.inputSrcs, [innerDrv, dev, derivation.inputSrcs[0]]);
  assert.equal(resolved.builder, `${dev}/bin/sh`);
  assert.deepEqual(resolved.args, [`${innerDrv}${dev}`, 'plain']);
  assert.deepEqual(
    [...resolved.env],
    [
      [dev, innerDrv],
      ['__json', `{"a":"${dev}"}`],
    ],
  );
});
