import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildOptions } from '../../ts/build/options.js';
import { checkBuildable } from '../../ts/build/supported.js';
import type { IdSupply } from '../../ts/config/id-supply.js';
import { evaluatedObjects } from '../../ts/derivation/author/evaluator.js';
import { derivationOptions } from '../../ts/derivation/options.js';
import { plainOptions, someDerivation } from '../support/fake-builds.js';

const withIds = (supply: IdSupply, more: Partial<BuildOptions> = {}): BuildOptions => ({
  ...plainOptions,
  ids: { ...plainOptions.ids, supply },
  ...more,
});
const root: IdSupply = { hostRoot: true, uids: [], gids: [] };
const nobody: IdSupply = { hostRoot: false, uids: [], gids: [] };

function check(attributes: Readonly<Record<string, unknown>>, options: BuildOptions): void {
  const [object] = [...evaluatedObjects(someDerivation('some', attributes))];
  assert.ok(object?.kind === 'derivation');
  const { path: drvPath, derivation } = object;
  checkBuildable({ drvPath, derivation }, derivationOptions(derivation), options);
}

const range = { requiredSystemFeatures: ['uid-range'] };

test('uid-range is refused with cause and cure where it cannot be had, whatever system-features says', () => {
  for (const systemFeatures of [[], ['uid-range']]) {
    assert.throws(() => check(range, withIds(nobody, { systemFeatures })), {
      code: 'ERR_UNSUPPORTED',
      message: /asks for the system feature 'uid-range'/,
      hint: /There is no program newuidmap.*apt install uidmap/,
    });
  }
});

test('where it can be had, system-features decides', () => {
  assert.throws(() => check(range, withIds(root)), { code: 'ERR_PLATFORM' });
  check(range, withIds(root, { systemFeatures: ['uid-range'] }));
});

test('nothing is built as root outside the sandbox, nor with many ids', () => {
  const outside = { sandbox: false, storeInPlace: true, systemFeatures: ['uid-range'] } as const;
  assert.throws(() => check({}, withIds(root, outside)), {
    code: 'ERR_SANDBOX_REQUIRED',
    message: /its builder would be root/,
  });
  assert.throws(() => check(range, withIds(root, outside)), {
    code: 'ERR_SANDBOX_REQUIRED',
    message: /in the sandbox only/,
  });
  check({}, withIds(nobody, outside));
});
