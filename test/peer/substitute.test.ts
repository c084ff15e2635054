import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SettingsInput } from '../../ts/config/load.js';
import { openStore } from '../../ts/index.js';
import { RealNix } from '../support/nix.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

// airplant copies out of a store that the real Nix filled, and the real Nix out of one of ours.
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const directory = temporaryDirectory('peer-substitute');
const newNix = (name: string) => new RealNix(directory, join(directory, name));
const sandbox: SettingsInput = { 'sandbox-paths': ['/bin/busybox'], 'max-jobs': 2 };
const attributes = ['diamond', 'multi', 'fixedUser', 'selfReference', 'odd'];

/** What both know of paths; who built it here is another matter. */
function factsOf(nix: RealNix, paths: readonly string[]) {
  return [...nix.pathInfo(...paths).values()].map(({ narHash, narSize, references, deriver }) => ({
    narHash,
    narSize,
    references,
    deriver,
  }));
}

test('out of a store of Nix: the same closure, registered as Nix has it', needs, async () => {
  const theirs = newNix('theirs');
  const ours = newNix('ours');
  const drvPaths = attributes.map((attribute) => theirs.instantiate(attribute));
  theirs.run('nix-store', '--realise', ...drvPaths);
  for (const attribute of attributes) ours.instantiate(attribute);
  const settings = { ...sandbox, substituters: [`${theirs.store}?trusted=1`] };
  await using store = await openStore({ store: ours.store, settings });

  const plan = await store.plan(drvPaths);
  const dryRun = ['--dry-run', '--option', 'substitute', 'true', '--option', 'substituters'];
  const { stderr } = ours.try('nix-store', '--realise', ...drvPaths, ...dryRun, settings.substituters[0]!);
  const fetched = stderr
    .split('\n')
    .flatMap((line) => (line.startsWith('  /nix/store/') ? [line.trim()] : []));
  assert.deepEqual([plan.build, plan.unknown], [[], []]);
  assert.deepEqual(plan.substitute.toSorted(), fetched.toSorted());

  const { results, exitStatus } = await store.build(drvPaths).result;
  assert.equal(exitStatus, 0);
  assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(['Substituted']));
  const outputs = results.flatMap((result) => Object.values(result.outputs));
  const closure = store.local.closure(outputs);
  assert.deepEqual(closure.toSorted(), plan.substitute.toSorted());
  assert.deepEqual(factsOf(ours, closure), factsOf(theirs, closure));
  ours.run('nix-store', '--verify', '--check-contents');
});

test('out of a store of ours: Nix builds nothing', needs, async () => {
  const ours = newNix('source');
  const theirs = newNix('target');
  const drvPath = ours.instantiate('diamond');
  theirs.instantiate('diamond');
  await using store = await openStore({ store: ours.store, settings: sandbox });
  assert.equal((await store.build([drvPath]).result).exitStatus, 0);
  const options = ['--option', 'substitute', 'true', '--option', 'max-jobs', '0'];
  const substituters = ['--option', 'substituters', `${ours.store}?trusted=1`];
  const path = theirs.run('nix-store', '--realise', drvPath, ...options, ...substituters);
  theirs.run('nix-store', '--verify', '--check-contents');
  assert.deepEqual(factsOf(theirs, [path]), factsOf(ours, [path]));
});

test('without a signature, and damaged on the way: both end with the same status', needs, async () => {
  const source = newNix('damaged');
  const drvPath = source.instantiate('fixedUser');
  source.run('nix-store', '--realise', drvPath);
  const statusOf = async (name: string, uri: string) => {
    const nix = newNix(`${name}-theirs`);
    const own = newNix(`${name}-ours`);
    for (const one of [nix, own]) one.instantiate('fixedUser');
    const options = ['--option', 'substitute', 'true', '--option', 'substituters', uri];
    const theirs = nix.try('nix-store', '--realise', drvPath, ...options);
    await using store = await openStore({ store: own.store, settings: { ...sandbox, substituters: [uri] } });
    const ours = await store.build([drvPath]).result;
    return [theirs.status, ours.exitStatus];
  };
  assert.deepEqual(await statusOf('unsigned', source.store), [0, 0]);
  await using store = await openStore({ store: source.store, settings: sandbox });
  const [path] = store.local.derivationOutputs(drvPath).values();
  const real = store.local.realPath(path!);
  await store.close();
  chmodSync(real, 0o644);
  writeFileSync(real, 'damaged');
  assert.deepEqual(await statusOf('damaged', `${source.store}?trusted=1`), [1, 1]);
});
