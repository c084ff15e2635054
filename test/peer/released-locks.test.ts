import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type DerivationValue, openStore } from '../../ts/index.js';
import { configuration, RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { scriptDerivation } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// What is done is nobody's any more, however long the rest of the run takes.
const needs = requires('user-namespaces', 'program:busybox', 'program:nix-store');
const directory = temporaryDirectory('released-locks');
const settings = { 'sandbox-paths': ['/bin/busybox'], 'max-jobs': 2 };

test('while a run goes on, others can build, check and lock what it has finished', needs, async (t) => {
  const root = join(directory, 'store');
  const nix = new RealNix(directory, root);
  const below = scriptDerivation('below', 'echo below > $out');
  const endless = scriptDerivation('endless', 'echo started; bb sleep 600', { below });
  const alone = scriptDerivation('alone', 'echo alone > $out');
  const done = [below, alone];
  await using store = await openStore({ store: root, settings });
  const controller = new AbortController();
  const run = store.build([endless, alone], { signal: controller.signal });
  const succeeded = new Set<string>();
  let started = false;
  const read = (async () => {
    for await (const event of run) {
      if (event.type === 'build.succeeded') succeeded.add(event.drvPath);
      if (event.type === 'build.log') started = true;
      if (started && succeeded.size === 2) return;
    }
  })();
  await read;
  // The removal of the last sandbox may take a moment longer than its outputs need to become valid.
  const scratch = () => readdirSync(join(root, 'nix/store')).filter((name) => name.endsWith('.chroot'));
  while (scratch().length > 1) await new Promise((resolve) => setTimeout(resolve, 5));

  await t.test('no lock file is left of it', () => {
    const locks = readdirSync(join(root, 'nix/store')).filter((name) => name.endsWith('.lock'));
    assert.deepEqual(
      locks,
      [endless].map(({ outPath }) => `${outPath.slice('/nix/store/'.length)}.lock`),
    );
  });
  await t.test('another store of ours locks it at once', async () => {
    await using other = await openStore({ store: root, settings });
    for (const { outPath } of done) {
      const locks = await other.local.tryLockPaths([outPath]);
      assert.ok(locks, outPath);
      locks.release({ delete: true });
    }
    assert.equal(await other.local.tryLockPaths([endless.outPath]), undefined, 'the test sees a lock');
  });
  await t.test('another store of ours builds it again where it was built', async () => {
    await using other = await openStore({ store: root, settings });
    const { results } = await other.check(done).result;
    assert.deepEqual(
      results.map(({ status }) => status),
      ['Same', 'Same'],
    );
  });
  await t.test('a real Nix builds it again, and does not wait', async () => {
    for (const { drvPath } of done) {
      const { status, stderr } = await nix.start('nix-store', ['--realise', '--check', drvPath], {
        NIX_CONFIG: configuration,
      });
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /waiting for/);
    }
  });
  await t.test('but nobody collects it before the run is over', () => {
    for (const { outPath } of done as readonly DerivationValue[]) {
      assert.match(nix.try('nix-store', '--delete', outPath).stderr, /still alive/);
    }
  });
  controller.abort();
  const { results } = await run.result;
  assert.deepEqual(
    results.map(({ status }) => status),
    ['Cancelled', 'Built'],
  );
});
