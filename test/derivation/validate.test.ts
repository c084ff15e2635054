import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isAirplantError } from '../../ts/base/errors.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import { validateDerivation } from '../../ts/derivation/validate.js';
import { loadCorpus } from './corpus.js';

const storeDir = '/nix/store';

for (const name of ['packages', 'handmade'] as const) {
  test(`${name}: all are valid`, () => {
    const { files, lookup } = loadCorpus(name);
    for (const path of files.keys()) validateDerivation(storeDir, lookup(path));
  });
}

const { files, lookup } = loadCorpus('handmade');
const plain = lookup([...files.keys()].find((path) => path.endsWith('-plain.drv'))!);
const out = plain.outputs.get('out')!;
const path = plain.env.get('out')!;
const input = (outputName: string) => ({ outputs: [outputName], dynamic: new Map() });

for (const [why, code, change] of [
  ['no outputs', 'ERR_DERIVATION_INVALID', { outputs: new Map() }],
  ['output called drv', 'ERR_DERIVATION_INVALID', { outputs: new Map([['drv', { kind: 'deferred' }]]) }],
  ['output with a slash', 'ERR_NAME', { outputs: new Map([['../x', { kind: 'deferred' }]]) }],
  ['output ..', 'ERR_NAME', { outputs: new Map([['..', { kind: 'deferred' }]]) }],
  ['name with a slash', 'ERR_NAME', { name: 'a/b' }],
  ['name ending in .drv', 'ERR_NAME', { name: 'a.drv' }],
  ['name too long', 'ERR_NAME', { name: 'n'.repeat(208) }],
  ['no name', 'ERR_NAME', { name: '' }],
  [
    'output name too long together',
    'ERR_NAME',
    { outputs: new Map([['o'.repeat(210), { kind: 'deferred' }]]) },
  ],
  ['path of another name', 'ERR_DERIVATION_INVALID', { name: 'other' }],
  ['variable missing', 'ERR_DERIVATION_INVALID', { env: new Map() }],
  ['variable differs', 'ERR_DERIVATION_INVALID', { env: new Map([['out', `${path}/x`]]) }],
  ['path elsewhere', 'ERR_STORE_PATH', { outputs: new Map([['out', { ...out, path: '/gnu/store/x' }]]) }],
  ['path with ..', 'ERR_STORE_PATH', { outputs: new Map([['out', { ...out, path: `${path}/../..` }]]) }],
  ['source elsewhere', 'ERR_STORE_PATH', { inputSrcs: ['/etc/passwd'] }],
  ['input elsewhere', 'ERR_STORE_PATH', { inputDrvs: new Map([['/x.drv', input('out')]]) }],
  ['input not a derivation', 'ERR_DERIVATION_INVALID', { inputDrvs: new Map([[path, input('out')]]) }],
  ['input output ..', 'ERR_NAME', { inputDrvs: new Map([[`${path}.drv`, input('..')]]) }],
  ['no system', 'ERR_DERIVATION_INVALID', { system: '' }],
  ['quote in system', 'ERR_DERIVATION_INVALID', { system: 'a"b' }],
  ['no builder', 'ERR_DERIVATION_INVALID', { builder: '' }],
  ['NUL in builder', 'ERR_DERIVATION_INVALID', { builder: '/bin/sh\0' }],
  ['NUL in argument', 'ERR_DERIVATION_INVALID', { args: ['\0'] }],
  ['NUL in variable', 'ERR_DERIVATION_INVALID', { env: new Map([...plain.env, ['a', '\0']]) }],
  ['NUL in variable name', 'ERR_DERIVATION_INVALID', { env: new Map([...plain.env, ['\0', '']]) }],
  ['lone surrogate', 'ERR_DERIVATION_INVALID', { args: ['\ud800'] }],
] as [string, ErrorCode, Partial<Derivation>][]) {
  test(`refused: ${why}`, () => {
    assert.throws(
      () => validateDerivation(storeDir, { ...plain, ...change }),
      (error) => isAirplantError(error, code) || assert.fail(String(error)),
    );
  });
}
