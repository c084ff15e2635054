import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SettingsInput } from '../../ts/config/load.js';
import { openStore, type Store } from '../../ts/index.js';
import { damage, damages } from '../support/damage.js';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { leftoversIn } from '../support/scripts.js';
import { temporaryDirectory } from '../support/temporary.js';

// Damage of every kind, real repairs, and the real Nix to say whether the store is sound afterwards.
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const directory = temporaryDirectory('peer-repair');
const sandbox: SettingsInput = { 'sandbox-paths': ['/bin/busybox'], cores: 2, 'max-jobs': 2 };
const attributes = ['diamond', 'multiUser', 'fixedUser', 'selfReference', 'odd', 'source'];

/** A store with everything built in it, and the derivations. */
async function builtStore(name: string, settings: SettingsInput = {}) {
  const nix = new RealNix(directory, join(directory, name));
  const drvPaths = attributes.map((attribute) => nix.instantiate(attribute));
  const store = await openStore({ store: nix.store, settings: { ...sandbox, ...settings } });
  assert.equal((await store.build(drvPaths).result).exitStatus, 0);
  return { nix, store, drvPaths };
}

function assertSound(nix: RealNix, store: Store): void {
  const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
  assert.equal(status, 0, stderr);
  assert.deepEqual(leftoversIn(store), []);
}

/** Everything that derivations have made, with what that refers to. */
const outputsIn = (store: Store, drvPaths: readonly string[]) =>
  store.local.closure(drvPaths.flatMap((drvPath) => [...store.local.derivationOutputs(drvPath).values()]));

for (const how of Object.keys(damages)) {
  test(`${how}, in every output: built again as it was`, needs, async () => {
    const { nix, store, drvPaths } = await builtStore(`build-${Object.keys(damages).indexOf(how)}`);
    await using _ = store;
    const outputs = outputsIn(store, drvPaths).filter((path) => store.local.validDerivers(path).length > 0);
    const before = outputs.map((path) => store.local.pathInfo(path));
    for (const path of outputs) await damage(store.local, path, how);
    assert.notEqual((await store.local.verifyPath(outputs[0]!)).kind, 'good');
    const { repaired, exitStatus } = await store.build(drvPaths, { repair: true }).result;
    assert.equal(exitStatus, 0);
    assert.deepEqual([...repaired].sort(), [...outputs].sort());
    assert.deepEqual(
      outputs.map((path) => store.local.pathInfo(path)),
      before,
    );
    assertSound(nix, store);
  });
}

test('copied from a store of Nix: nothing is built, sources come too', needs, async () => {
  const theirs = new RealNix(directory, join(directory, 'theirs'));
  const { nix, store, drvPaths } = await builtStore('substitute', { substituters: [theirs.store] });
  await using _ = store;
  for (const attribute of attributes) theirs.instantiate(attribute);
  theirs.run('nix-store', '--realise', ...drvPaths);
  const outputs = outputsIn(store, drvPaths);
  const ways = Object.keys(damages);
  for (const [index, path] of outputs.entries()) await damage(store.local, path, ways[index % ways.length]);
  const run = store.build(drvPaths, { repair: true });
  const types = new Set<string>();
  for await (const event of run) types.add(event.type);
  const { repaired, exitStatus } = await run.result;
  assert.equal(exitStatus, 0);
  assert.ok(!types.has('build.started'));
  assert.deepEqual([...repaired].sort(), [...outputs].sort());
  assertSound(nix, store);
});

test('a single path, as nix-store --repair-path', needs, async () => {
  const { nix, store, drvPaths } = await builtStore('single');
  await using _ = store;
  const [path] = store.local.derivationOutputs(drvPaths[0]!).values();
  await damage(store.local, path!);
  const { repaired, results } = await store.build([path!], { repair: true }).result;
  assert.deepEqual([repaired, results[0]!.status], [[path], 'Built']);
  assertSound(nix, store);
  // What Nix repairs is good to us, and what we repaired was good to it.
  await damage(store.local, path!);
  nix.run('nix-store', '--repair-path', path!);
  assert.deepEqual(await store.local.verifyPath(path!), { kind: 'good' });
  const again = await store.build([path!], { repair: true }).result;
  assert.deepEqual(again.repaired, []);
});

test('of two outputs only the damaged one is another file afterwards', needs, async () => {
  const { nix, store, drvPaths } = await builtStore('multi');
  await using _ = store;
  const multi = [...store.local.readDerivation(drvPaths[1]!).inputDrvs.keys()][0]!;
  const outputs = store.local.derivationOutputs(multi);
  const inodeOf = (name: string) => lstatSync(store.local.realPath(outputs.get(name)!)).ino;
  const before = [...outputs.keys()].map((name) => [name, inodeOf(name)] as const);
  await damage(store.local, outputs.get('lib')!);
  const { repaired } = await store.build([multi], { repair: true }).result;
  assert.deepEqual(repaired, [outputs.get('lib')]);
  for (const [name, inode] of before) assert.equal(inodeOf(name) === inode, name !== 'lib', name);
  assertSound(nix, store);
});

test('a damaged input of the store is not seen by the build that depends on it', needs, async () => {
  const { nix, store, drvPaths } = await builtStore('inputs');
  await using _ = store;
  const [diamond] = drvPaths as [string];
  const base = outputsIn(store, [diamond]).find((path) => path.endsWith('-base'))!;
  const [out] = store.local.derivationOutputs(diamond).values();
  await damage(store.local, base);
  await damage(store.local, out!);
  const { repaired } = await store.build([diamond], { repair: true }).result;
  assert.deepEqual([...repaired].sort(), [base, out!].sort());
  assertSound(nix, store);
});
