import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LocalStore } from '../../ts/store/local-store.js';
import { RealNix } from '../support/nix.js';
import { registerOutputs } from '../support/registered-outputs.js';
import { requires } from '../support/requires.js';
import { openTestStore, startScript } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Our collector and Nix's on the same store: what they find, and what they leave.
const needs = requires('program:nix-store', 'program:nix-instantiate');
const directory = temporaryDirectory('peer-collect');
const lines = (text: string) => text.split('\n').filter(Boolean);

async function scene(name: string) {
  const nix = new RealNix(directory, join(directory, name));
  const drvPaths = ['diamond', 'multiUser', 'fixedUser', 'passAsFile'].map((attribute) =>
    nix.instantiate(attribute),
  );
  // What made them is gone, and its temporary roots with it.
  await using maker = await openTestStore(nix.store);
  await registerOutputs(maker);
  return { nix, store: await openTestStore(nix.store), drvPaths };
}

function assertSameView(store: LocalStore, nix: RealNix, keep: Record<string, boolean>) {
  const options = Object.entries(keep).flatMap(([name, value]) => ['--option', name, String(value)]);
  const theirs = (what: string) => lines(nix.run('nix-store', '--gc', what, ...options));
  return Promise.all(
    (['live', 'dead'] as const).map(async (which) => {
      const ours = await store.listPaths(which, {
        keepOutputs: keep['keep-outputs'] ?? false,
        keepDerivations: keep['keep-derivations'] ?? true,
      });
      assert.deepEqual(
        ours.map(({ path }) => path),
        theirs(`--print-${which}`),
        `${which} with ${JSON.stringify(keep)}`,
      );
    }),
  );
}

test('the same roots, the same living and dead', needs, async () => {
  const { nix, store, drvPaths } = await scene('same');
  await using _ = store;
  const state = store.directories.stateDir;
  const outputs = drvPaths.flatMap((drvPath) => [...store.derivationOutputs(drvPath).values()]);
  // An indirect root, a link below a path, a regular file, a profile of generations, and what leads nowhere.
  await store.makeResultLink({ link: join(directory, 'same-result'), path: outputs[0]! });
  const nested = join(state, 'gcroots/some/where');
  mkdirSync(nested, { recursive: true });
  symlinkSync(`${outputs[1]}/bin/sh`, join(nested, 'below'));
  writeFileSync(join(state, 'gcroots', outputs[2]!.slice('/nix/store/'.length)), '');
  symlinkSync(drvPaths[3]!, join(state, 'profiles/profile-1-link'));
  symlinkSync('profile-1-link', join(state, 'profiles/profile'));
  symlinkSync('/nix/store/00000000000000000000000000000000-gone', join(nested, 'invalid'));
  symlinkSync('loop', join(nested, 'loop'));
  symlinkSync('..', join(nested, 'up'));
  symlinkSync(join(directory, 'nowhere'), join(state, 'gcroots/auto/stale'));
  const printed = lines(nix.run('nix-store', '--gc', '--print-roots'));
  assert.ok(!existsSync(join(state, 'gcroots/auto/stale')));
  const ours = await store.findRoots();
  assert.deepEqual(
    ours.map(({ link, path }) => `${link} -> ${path}`),
    printed,
  );
  assert.equal(ours.length >= 4, true);
  for (const keepOutputs of [false, true])
    for (const keepDerivations of [false, true])
      await assertSameView(store, nix, {
        'keep-outputs': keepOutputs,
        'keep-derivations': keepDerivations,
      });
});

test('what we leave is what Nix would leave, and it is sound', needs, async () => {
  const [ours, theirs] = [await scene('left-ours'), await scene('left-theirs')];
  for (const { store, drvPaths } of [ours, theirs]) {
    const [out] = store.derivationOutputs(drvPaths[0]!).values();
    symlinkSync(out!, join(store.directories.stateDir, 'gcroots/kept'));
    const real = store.directories.realStoreDir;
    // What is left by those who died: at a path, beside it, for it, and for no path at all.
    mkdirSync(join(real, '00000000000000000000000000000000-half/sub'), { recursive: true });
    chmodSync(join(real, '00000000000000000000000000000000-half/sub'), 0o555);
    for (const name of ['-x.lock', '-x.check', '-x.drv.chroot', '-x.old-1-2'])
      writeFileSync(join(real, `11111111111111111111111111111111${name}`), '');
    writeFileSync(join(real, 'tmp-1-2'), '');
    writeFileSync(join(real, '.tmp-link-999999999-1'), '');
    mkdirSync(join(real, '.trash/1-2'), { recursive: true });
    writeFileSync(join(real, '.trash/1-2/3'), '');
    writeFileSync(join(real, '.links/unused'), '');
    writeFileSync(join(real, '.links/used'), 'x');
    linkSync(join(real, '.links/used'), join(directory, `linked-${Math.random()}`));
  }
  const dead = await ours.store.listPaths('dead');
  const deleted: string[] = [];
  const report = await ours.store.collectGarbage({
    onEvent: (event) => event.type === 'collect.deleted' && deleted.push(event.path),
  });
  assert.deepEqual(report.kept, []);
  assert.equal(report.deleted, deleted.length);
  assert.equal(new Set(deleted).size, deleted.length);
  // Processes of other tests have been roots for what has the same name in their stores, and may have ended since.
  assert.ok(dead.length > 0);
  for (const { path } of dead) assert.ok(deleted.includes(path), path);
  theirs.store.close();
  theirs.nix.run('nix-store', '--gc');
  await using reopened = await openTestStore(theirs.nix.store);
  assert.deepEqual(ours.store.validPaths().sort(), reopened.validPaths().sort());
  const names = (store: LocalStore, below = '') =>
    readdirSync(join(store.directories.realStoreDir, below)).sort();
  assert.deepEqual(names(ours.store), names(reopened));
  assert.deepEqual(names(ours.store, '.links'), names(reopened, '.links'));
  // Nix would miss its contents.
  rmSync(join(ours.store.directories.realStoreDir, '.links/used'));
  assert.equal(ours.nix.try('nix-store', '--verify', '--check-contents').status, 0);
  await ours.store.close();
});

test('paths that are named, and no others', needs, async () => {
  const { nix, store, drvPaths } = await scene('named');
  await using _ = store;
  const [drvPath] = drvPaths as [string];
  const referrer = store.referrers(drvPath)[0] ?? drvPath;
  const inUse = { code: 'ERR_PATH_IN_USE' };
  const link = join(directory, 'named-result');
  await store.makeResultLink({ link, path: referrer });
  // The link's path was a temporary root.
  await store.close();
  await using again = await openTestStore(nix.store);
  await assert.rejects(again.deletePaths([referrer]), inUse);
  const users = again.closure([referrer]).filter((path) => path !== referrer);
  await assert.rejects(again.deletePaths(users, { ignoreLiveness: true }), inUse);
  assert.ok(again.isValid(referrer));
  // A derivation goes with what it made, unless its outputs may stay alone.
  const lonely = again
    .validPaths()
    .find((path) => path.endsWith('.drv') && again.referrers(path).length === 0 && path !== referrer)!;
  const made = [...again.derivationOutputs(lonely).values()].filter((path) => again.isValid(path));
  assert.ok(made.length > 0);
  await assert.rejects(again.deletePaths([lonely]), inUse);
  const report = await again.deletePaths([lonely], { keepDerivations: false });
  assert.equal(report.deleted, 1);
  assert.ok(!again.isValid(lonely) && !existsSync(again.realPath(lonely)) && again.isValid(made[0]!));
  assert.equal(nix.try('nix-store', '--verify', '--check-contents').status, 0);
});

test('roots made while we collect are respected, those of Nix as well as ours', needs, async (t) => {
  const { nix, store: first } = await scene('racing');
  const texts = Array.from({ length: 1500 }, (_, i) => ({
    name: `t${i}`,
    contents: Buffer.from(`${i}`),
    references: [],
  }));
  const paths = (await first.addTexts(texts)).map(({ path }) => path);
  await first.close();
  await using store = await openTestStore(nix.store);
  const worker = startScript('store-worker', 'collect', nix.store);
  await worker.said();
  worker.child.stdout.resume();
  const source = join(directory, 'racing-source');
  writeFileSync(source, 'racing');
  const adding = nix.start('nix-store', ['--add', source]);
  const kept: string[] = [];
  let deleted = 0;
  for (const path of paths.toSorted(() => Math.random() - 0.5)) {
    if (worker.child.exitCode !== null) break;
    await store.addTempRoot(path);
    if (store.isValid(path)) kept.push(path);
    else deleted++;
  }
  assert.deepEqual(await worker.exit, [0, null]);
  const added = await adding;
  assert.equal(added.status, 0, added.stderr);
  for (const path of kept) assert.ok(store.isValid(path) && existsSync(store.realPath(path)), path);
  t.diagnostic(`${kept.length} kept, ${deleted} found deleted, ${store.validPaths().length} left`);
  assert.ok(store.validPaths().length < paths.length);
  assert.equal(nix.try('nix-store', '--verify', '--check-contents').status, 0);
});

test('two collectors wait for one another', needs, async () => {
  const { nix, store } = await scene('two');
  await using _ = store;
  const theirs = spawn('nix-store', ['--store', nix.store, '--gc'], { stdio: 'ignore' });
  const exit = once(theirs, 'exit');
  await Promise.all([store.collectGarbage(), store.collectGarbage()]);
  assert.deepEqual(await exit, [0, null]);
  assert.deepEqual(store.validPaths(), []);
  assert.ok(!existsSync(join(store.directories.realStoreDir, '.trash')));
});
