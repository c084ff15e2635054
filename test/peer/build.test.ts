import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// The same .drv files, made by the real nix-instantiate in a store of ours, are built by airplant there and by the
// real Nix in a store of its own. Every output must be the same to the byte.
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const directory = temporaryDirectory('peer-build');
const ours = new RealNix(directory, join(directory, 'ours'));
const theirs = new RealNix(directory, join(directory, 'theirs'));

const settings = { 'sandbox-paths': ['/bin/busybox'], cores: 2, 'max-jobs': 2 };

const attributes = [
  'diamond',
  'multi',
  'multiUser',
  'passAsFile',
  'strings',
  'selfReference',
  'source',
  'placeholder',
  'fixedFlat',
  'fixedFlatSha1',
  'fixedRecursive',
  'fixedUser',
  'odd',
  'listing',
];

test('everything builds to the same narHash, narSize and references', needs, async (t) => {
  const drvPaths = new Map(attributes.map((attribute) => [attribute, ours.instantiate(attribute)]));
  await using store = await openStore({ store: ours.store, settings });
  const { results, exitStatus } = await store.build([...drvPaths.values()]).result;
  assert.deepEqual(
    results.flatMap(({ error }) => (error ? [error] : [])),
    [],
  );
  assert.equal(exitStatus, 0);

  for (const [index, [attribute, drvPath]] of [...drvPaths].entries()) {
    await t.test(attribute, () => {
      assert.equal(theirs.instantiate(attribute), drvPath);
      theirs.run('nix-store', '--realise', drvPath);
      const outputs = Object.values(results[index]!.outputs);
      assert.deepEqual(
        outputs.toSorted(),
        theirs.run('nix-store', '--query', '--outputs', drvPath).split('\n').sort(),
      );
      const facts = (nix: RealNix) =>
        [...nix.pathInfo(...outputs).values()].map(({ narHash, narSize, references }) => ({
          narHash,
          narSize,
          references,
        }));
      assert.deepEqual(facts(ours), facts(theirs));
    });
  }

  await t.test('real Nix finds our store sound', () => {
    ours.run('nix-store', '--verify', '--check-contents');
  });

  await t.test('references and derivers are what Nix reads', async () => {
    for (const result of results) {
      for (const path of Object.values(result.outputs)) {
        const info = store.local.pathInfo(path)!;
        assert.equal(ours.run('nix-store', '--query', '--references', path), info.references.join('\n'));
        assert.equal(ours.run('nix-store', '--query', '--deriver', path), info.deriver);
        assert.equal(
          ours.run('nix-store', '--query', '--hash', path),
          theirs.run('nix-store', '--query', '--hash', path),
        );
      }
    }
  });

  await t.test('building again builds nothing', async () => {
    const again = await store.build([...drvPaths.values()]).result;
    assert.deepEqual(new Set(again.results.map(({ status }) => status)), new Set(['AlreadyValid']));
  });
});

test('failures have the exit statuses of nix-store', needs, async (t) => {
  const cases = {
    fails: 'ERR_BUILD_FAILED',
    needsFailing: 'ERR_DEPENDENCY_FAILED',
    fixedWrong: 'ERR_HASH_MISMATCH',
  };
  await using store = await openStore({ store: ours.store, settings });
  for (const [attribute, code] of Object.entries(cases)) {
    await t.test(attribute, async () => {
      const drvPath = ours.instantiate(attribute);
      theirs.instantiate(attribute);
      const { results, exitStatus } = await store.build([drvPath]).result;
      assert.equal(results[0]!.error?.code, code);
      assert.deepEqual(results[0]!.outputs, {});
      assert.equal(exitStatus, theirs.try('nix-store', '--realise', drvPath).status);
    });
  }
  await t.test('the log is where Nix looks for it', () => {
    assert.equal(ours.run('nix-store', '--read-log', ours.instantiate('fails')), 'one\ntwo');
  });
  await t.test('the store is still sound', () => {
    ours.run('nix-store', '--verify', '--check-contents');
  });
});

before(() => {
  if (!needs.skip) ours.run('nix-store', '--init');
});
