import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { formatHash } from '../../ts/formats/hash.js';
import { openStore } from '../../ts/index.js';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// What a build of airplant leaves is what a real Nix reads, beyond what table/ compares.
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const directory = temporaryDirectory('peer-build');
const ours = new RealNix(directory, join(directory, 'ours'));
const settings = { 'sandbox-paths': ['/bin/busybox'], cores: 2, 'max-jobs': 2 };

const attributes = ['diamond', 'multiUser', 'selfReference', 'fixedUser'];

test('a real Nix reads what was built', needs, async (t) => {
  const drvPaths = attributes.map((attribute) => ours.instantiate(attribute));
  await using store = await openStore({ store: ours.store, settings });
  const { results, exitStatus } = await store.build(drvPaths).result;
  assert.deepEqual(
    results.flatMap(({ error }) => (error ? [error] : [])),
    [],
  );
  assert.equal(exitStatus, 0);

  await t.test('references and derivers are what Nix reads', async () => {
    for (const result of results) {
      for (const path of Object.values(result.outputs)) {
        const info = store.local.pathInfo(path)!;
        assert.equal(ours.run('nix-store', '--query', '--references', path), info.references.join('\n'));
        assert.equal(ours.run('nix-store', '--query', '--deriver', path), info.deriver);
        assert.equal(ours.run('nix-store', '--query', '--hash', path), formatHash(info.narHash, 'base32'));
      }
    }
  });

  await t.test('building again builds nothing', async () => {
    const again = await store.build(drvPaths).result;
    assert.deepEqual(new Set(again.results.map(({ status }) => status)), new Set(['AlreadyValid']));
  });
});

test('a real Nix reads the log of a failure', needs, async () => {
  const drvPath = ours.instantiate('fails');
  await using store = await openStore({ store: ours.store, settings });
  const { exitStatus } = await store.build([drvPath]).result;
  assert.equal(exitStatus, 100);
  assert.equal(ours.run('nix-store', '--read-log', drvPath), 'one\ntwo');
  ours.run('nix-store', '--verify', '--check-contents');
});

before(() => {
  if (!needs.skip) ours.run('nix-store', '--init');
});
