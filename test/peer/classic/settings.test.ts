import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isNixSetting, settingForms } from '../../../ts/cli/classic/nix-settings.js';
import { settingNames } from '../../../ts/config/settings.js';
import { RealNix } from '../../support/nix.js';
import { requires } from '../../support/requires.js';
import { temporaryDirectory } from '../../support/temporary.js';

test('every setting of Nix has its flag, in its form', requires('program:nix'), () => {
  const directory = temporaryDirectory('classic-settings');
  const nix = new RealNix(directory, join(directory, 'store'));
  const shown = nix.run('nix', '--extra-experimental-features', 'nix-command', 'show-config', '--json');
  const theirs = Object.entries(JSON.parse(shown) as Record<string, { value: unknown }>);
  assert.ok(theirs.length > 80);
  const expected = theirs.map(([name, { value }]) => [name, formOf(name, value)]);
  assert.deepEqual(
    expected.map(([name]) => [name, settingForms.get(name!)]),
    expected,
  );
  const known = new Set(theirs.map(([name]) => name));
  for (const name of settingNames) assert.equal(isNixSetting(name), known.has(name), name);
});

function formOf(name: string, value: unknown): string {
  // One of three, which JSON does not tell.
  if (name === 'sandbox') return name;
  if (typeof value === 'boolean') return 'boolean';
  return typeof value === 'object' ? 'list' : 'value';
}
