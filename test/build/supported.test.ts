import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBuildable, type Machine } from '../../ts/build/supported.js';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import { derivationOptions } from '../../ts/derivation/options.js';
import { plainOptions, someDerivation } from '../support/fake-builds.js';

const machine: Machine = {
  ...plainOptions,
  extraPlatforms: ['i686-linux'],
  systemFeatures: ['kvm', 'benchmark'],
};

function check(attributes: Readonly<Record<string, unknown>>, change: Partial<Machine> = {}): void {
  const value = someDerivation('x', attributes);
  const found = evaluatedObjects(value).find(({ path }) => path === value.drvPath);
  const { derivation } = found as unknown as { derivation: Derivation };
  checkBuildable({ drvPath: value.drvPath, derivation }, derivationOptions(derivation), {
    ...machine,
    ...change,
  });
}

const feasible: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'the machine itself': {},
  'a platform that it runs as well': { system: 'i686-linux' },
  'features it has': { requiredSystemFeatures: ['benchmark', 'kvm'] },
  'features it has, twice': { requiredSystemFeatures: ['kvm', 'kvm'] },
  'no features': { requiredSystemFeatures: [] },
  'preferLocalBuild and allowSubstitutes': { preferLocalBuild: true, allowSubstitutes: false },
  'structured attributes': { __structuredAttrs: true, requiredSystemFeatures: ['kvm'] },
  'a builtin builder for no platform': { system: 'builtin', builder: 'builtin:buildenv' },
  'a builtin builder for another platform': { system: 'riscv64-linux', builder: 'builtin:unpack-channel' },
};
for (const [what, attributes] of Object.entries(feasible)) {
  test(`can be built: ${what}`, () => check(attributes));
}

const refused: readonly [
  what: string,
  attributes: Readonly<Record<string, unknown>>,
  code: string,
  words: RegExp,
][] = [
  ['another platform', { system: 'aarch64-linux' }, 'ERR_PLATFORM', /^a 'aarch64-linux' with features \{\} /],
  ['no platform', { system: 'builtin' }, 'ERR_PLATFORM', /^a 'builtin' /],
  [
    'a feature it lacks',
    { requiredSystemFeatures: ['kvm', 'big-parallel'] },
    'ERR_PLATFORM',
    /with features \{big-parallel, kvm\} is required .* 'x86_64-linux' with features \{benchmark, kvm\}$/,
  ],
  [
    'a builtin builder with a feature it lacks',
    { system: 'builtin', builder: 'builtin:buildenv', requiredSystemFeatures: ['quantum'] },
    'ERR_PLATFORM',
    /\{quantum\}/,
  ],
  [
    'an unknown builtin builder',
    { builder: 'builtin:nothing' },
    'ERR_UNSUPPORTED',
    /builder 'builtin:nothing'/,
  ],
  ['recursive-nix', { requiredSystemFeatures: ['recursive-nix'] }, 'ERR_UNSUPPORTED', /'recursive-nix'/],
];
for (const [what, attributes, code, words] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => check(attributes), { code, message: words });
  });
}

test('features that change the sandbox are not provided by naming them', () => {
  for (const feature of ['recursive-nix', 'uid-range']) {
    const asking = () => check({ requiredSystemFeatures: [feature] }, { systemFeatures: [feature] });
    assert.throws(asking, { code: 'ERR_UNSUPPORTED' });
  }
});
