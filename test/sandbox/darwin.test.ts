import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirplantError } from '../../ts/base/errors.js';
import { type DarwinPlace, planDarwinSandbox } from '../../ts/sandbox/darwin.js';
import { readDarwinProfiles } from '../../ts/sandbox/darwin-profiles.js';
import { planUnsealed } from '../../ts/sandbox/fallback.js';
import { describeIsolation } from '../../ts/sandbox/isolation.js';
import type { BuildRequest } from '../../ts/sandbox/request.js';
import { allowForms, quoteSbpl } from '../../ts/sandbox/sbpl.js';
import { assertGolden } from '../support/golden.js';
import { sampleRequest } from './sample-request.js';

const place: DarwinPlace = {
  buildDirectory: '/private/tmp/airplant-build-hello-0',
  storeDir: '/nix/store',
  realStoreDir: '/nix/store',
  ids: { uid: 501, gid: 20 },
  temporaryDirectory: '/private/tmp',
  kindOf: (path) =>
    path.endsWith('.patch') || path === '/bin/sh' ? 'other' : path === '/opt' ? 'missing' : 'directory',
};
const profiles = await readDarwinProfiles();
const hostPaths = sampleRequest.hostPaths.map((path) => ({ ...path, source: path.target }));

const profile = (change: Partial<BuildRequest> = {}) => {
  const { backend } = planDarwinSandbox({ ...sampleRequest, hostPaths, ...change }, place, profiles);
  assert.equal(backend?.kind, 'darwin-seatbelt');
  return backend.kind === 'darwin-seatbelt' ? backend.profile : '';
};

test('the whole profile of an ordinary build', () => {
  assertGolden(profile(), 'sandbox/darwin-profile.sb');
});

test('inputs can be read and not written', () => {
  for (const form of profile()
    .split(/^\(allow /m)
    .filter((text) => text.includes('2-bash"'))) {
    assert.doesNotMatch(form.split('\n')[0]!, /write|file\*/);
  }
});

test('the network only where asked for', () => {
  assert.doesNotMatch(profile(), /remote ip/);
  assert.match(profile({ network: 'host' }), /remote ip/);
});

test('parentheses, quotes and strings of a profile balance, whatever the paths', () => {
  const evil = '/a") (allow default) ; \\ \n';
  const text = profile({
    hostPaths: [{ target: evil, source: evil, optional: false, readOnly: true, why: '' }],
  });
  const bare = text.replace(/;[^\n"]*$/gm, '').replace(/#?"(\\.|[^"\\])*"/g, '');
  assert.doesNotMatch(bare, /default\) ;|"/);
  assert.equal([...bare].filter((c) => c === '(').length, [...bare].filter((c) => c === ')').length);
  assert.equal(quoteSbpl(evil), '"/a\\") (allow default) ; \\\\ \\x0a"');
});

test('long lists come in forms below 16 KiB, and no paths make no form', () => {
  const paths = Array.from({ length: 2000 }, (_, i) => ({
    path: `/nix/store/${'é'.repeat(20)}${i}`,
    filter: 'subpath' as const,
  }));
  const text = allowForms('file-read*', paths);
  const forms = text.split(/^(?=\(allow )/m);
  assert.ok(forms.length > 5);
  for (const form of forms) assert.ok(Buffer.byteLength(form) < 16 * 1024 && form.endsWith(')\n'));
  assert.equal(text.match(/subpath/g)?.length, 2000);
  assert.equal(allowForms('file-read*', []), '');
});

test('a host path cannot get another name or be missing, and a store must be where it says', () => {
  const path = { target: '/bin/sh', source: '/x', optional: false, readOnly: true, why: '' };
  for (const bad of [path, { ...path, target: '/opt', source: '/opt' }]) {
    assert.throws(
      () => profile({ hostPaths: [bad] }),
      (error) => isAirplantError(error, 'ERR_SANDBOX_PATH'),
    );
  }
  const elsewhere = { ...place, realStoreDir: '/Users/me/store' };
  for (const plan of [
    () => planDarwinSandbox({ ...sampleRequest, hostPaths }, elsewhere, profiles),
    () => planUnsealed(sampleRequest, elsewhere),
  ]) {
    assert.throws(plan, (error) => isAirplantError(error, 'ERR_SANDBOX_REQUIRED'));
  }
});

test('an unsealed build says so in its record', () => {
  const spec = planUnsealed(sampleRequest, place);
  assert.equal(spec.backend?.kind, 'none');
  assert.equal(spec.command.cwd, place.buildDirectory);
  const isolation = describeIsolation(spec, 3);
  assert.deepEqual([isolation.backend, isolation.namespaces, isolation.readOnlyInputs], ['none', [], false]);
  assert.equal(isolation.shortfalls.length, 1);
});
