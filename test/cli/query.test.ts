import assert from 'node:assert/strict';
import { test } from 'node:test';
import { derivationNamed, FakeHost, pathInfo } from './fake-host.js';

const drvPath = `/nix/store/${'0'.repeat(32)}-x.drv`;
const [a, b] = ['1', '2'].map((digit) => `/nix/store/${digit.repeat(32)}-out`) as [string, string];

function hostWithDerivation(): FakeHost {
  const host = new FakeHost();
  const { local } = host.store;
  local.infos.set(drvPath, pathInfo(drvPath));
  local.infos.set(a, pathInfo(a, { references: [b] }));
  local.infos.set(b, pathInfo(b));
  local.derivations.set(
    drvPath,
    derivationNamed('x', {
      outputs: new Map([
        ['out', { kind: 'input-addressed', path: b }],
        ['dev', { kind: 'input-addressed', path: a }],
      ]),
    }),
  );
  return host;
}

test('a derivation stands for its outputs, in the order of their paths, if asked for', async () => {
  const host = hostWithDerivation();
  assert.equal((await host.run('query', 'outputs', drvPath)).stdout, `${a}\n${b}\n`);
  assert.equal((await host.run('query', 'requisites', drvPath)).stdout, `${drvPath}\n`);
  assert.equal((await host.run('query', 'requisites', '-u', drvPath)).stdout, `${b}\n${a}\n`);
  assert.deepEqual(JSON.parse((await host.run('query', 'size', '-u', '--json', drvPath)).stdout), {
    [a]: 100,
    [b]: 100,
  });
});

test('outputs that are known only after the build are refused', async () => {
  const host = hostWithDerivation();
  const derivation = derivationNamed('x', { outputs: new Map([['out', { kind: 'deferred' }]]) });
  host.store.local.derivations.set(drvPath, derivation);
  const { status, stderr } = await host.run('query', 'hash', '-u', drvPath);
  assert.equal(status, 1);
  assert.match(stderr, /Cannot use output path of floating content-addressed derivation/);
});

test('--force-realise builds derivations and fetches paths first, and ends with the status of that', async () => {
  const host = hostWithDerivation();
  assert.equal((await host.run('query', 'references', '-f', drvPath, a)).status, 0);
  assert.deepEqual(host.store.built, [
    { kind: 'outputs', drvPath, outputs: 'all' },
    { kind: 'path', path: a },
  ]);
  host.store.report = { results: [], repaired: [], exitStatus: 100 };
  assert.deepEqual(await host.run('query', 'references', '-f', drvPath).then(({ status }) => status), 100);
});
