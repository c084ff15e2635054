import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { featureLimits, featuresUsed } from '../../ts/build/feature-limits.js';
import { openStore } from '../../ts/index.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

const machine = (cpus: number, cores: number) => ({ cpus, cores });

test('builds that take all CPUs run one at a time, smaller ones as many as there is room for', () => {
  assert.deepEqual([...featureLimits([], machine(8, 8))], [['big-parallel', 1]]);
  assert.deepEqual([...featureLimits([], machine(64, 4))], [['big-parallel', 16]]);
  assert.deepEqual([...featureLimits([], machine(2, 16))], [['big-parallel', 1]]);
});

test('items have the last word, and of equal ones the last', () => {
  const limits = featureLimits(['big-parallel=3', 'kvm=2', 'kvm=1'], machine(8, 8));
  assert.deepEqual(Object.fromEntries(limits), { 'big-parallel': 3, kvm: 1 });
});

for (const item of ['kvm', 'kvm=', 'kvm=0', 'kvm=-1', 'kvm=1.5', '=1', 'kvm=many', 'kvm=1234567']) {
  test(`refused: ${item}`, () => {
    assert.throws(() => featureLimits([item], machine(1, 1)), { code: 'ERR_SETTING' });
  });
}

test('a derivation that nobody can make sense of uses nothing', () => {
  const derivation = {
    name: 'odd',
    outputs: new Map(),
    inputDrvs: new Map(),
    inputSrcs: [],
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: [],
    env: new Map([['__json', '{"requiredSystemFeatures": 1}']]),
  };
  assert.deepEqual(featuresUsed(derivation), []);
  const env = new Map([['requiredSystemFeatures', 'kvm  benchmark']]);
  assert.deepEqual(
    featuresUsed({
      ...derivation,
      outputs: new Map([['out', { kind: 'input-addressed', path: '/x' }]]),
      env,
    }),
    ['benchmark', 'kvm'],
  );
});

test('a wrong item fails a build before anything is started', requires('linux'), async () => {
  const settings = { 'sandbox-paths': [], 'max-jobs-per-feature': ['kvm=1', 'big-parallel'] };
  await using store = await openStore({ store: join(temporaryDirectory('features'), 'store'), settings });
  await assert.rejects(store.build([scriptDerivation('never', 'echo > $out')]).result, {
    code: 'ERR_SETTING',
    message: /setting 'max-jobs-per-feature' cannot have 'big-parallel': its items are FEATURE=N/,
  });
});
