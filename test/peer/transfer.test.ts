import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { LocalStore } from '../../ts/store/local-store.js';
import { RealNix } from '../support/nix.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// What leaves one store and enters another, by airplant and by the real Nix, each reading what the other wrote.
const directory = temporaryDirectory('peer-transfer');
const needs = requires('user-namespaces', 'program:nix-store', 'program:nix-instantiate', 'program:busybox');
const lines = (output: string) => output.split('\n').filter(Boolean);

/** A store that Nix made and built in: derivations, outputs that refer to one another, odd files. */
function builtByNix(name: string): { nix: RealNix; closure: string[] } {
  const nix = new RealNix(directory, join(directory, name));
  const outputs = ['diamond', 'multiUser', 'selfReference', 'odd'].map((attribute) => {
    const drvPath = nix.instantiate(attribute);
    return { drvPath, outputs: lines(nix.run('nix-store', '-r', drvPath)) };
  });
  const tree = nix.run('nix-store', '--add', makeOddTree(join(directory, `${name}-odd`)));
  const wanted = outputs.flatMap(({ drvPath, outputs }) => [drvPath, ...outputs]);
  return { nix, closure: lines(nix.run('nix-store', '-qR', ...wanted, tree)) };
}

/** The bytes of a command's standard output. */
function bytesOf(nix: RealNix, ...args: string[]): Buffer {
  return execFileSync('nix-store', ['--store', nix.store, ...args], {
    maxBuffer: 1e9,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function feed(nix: RealNix, input: Buffer | string, ...args: string[]): string {
  return execFileSync('nix-store', ['--store', nix.store, ...args], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

const exported = async (store: LocalStore, paths: Iterable<string>) =>
  await buffer(Readable.from(store.exportPaths(paths)));
const dumped = async (store: LocalStore, paths?: string[]) =>
  await text(Readable.from(store.dumpDatabase(paths)));

function assertSound(nix: RealNix): void {
  const { status, stderr } = nix.try('nix-store', '--verify', '--check-contents');
  assert.equal(status, 0, stderr);
}

test('export: byte for byte that of Nix, whatever the order they are named in', needs, async () => {
  const { nix, closure } = builtByNix('export');
  await using store = await openTestStore(nix.store, { readOnly: true });
  const theirs = bytesOf(nix, '--export', ...closure);
  assert.ok((await exported(store, closure)).equals(theirs));
  assert.ok((await exported(store, [...closure.toReversed(), closure[0]!])).equals(theirs));
  for (const path of closure)
    assert.ok((await exported(store, [path])).equals(bytesOf(nix, '--export', path)), path);
  assert.ok((await exported(store, [])).equals(bytesOf(nix, '--export')));
});

test('what one exports the other imports, and has the same database then', needs, async () => {
  const { nix, closure } = builtByNix('both-ways');
  await using source = await openTestStore(nix.store);
  const stream = await exported(source, closure);
  const dump = await dumped(source, closure.toSorted());

  const theirs = new RealNix(directory, join(directory, 'both-ways-nix'));
  const order = lines(feed(theirs, stream, '--import'));
  const ours = new RealNix(directory, join(directory, 'both-ways-ours'));
  await using store = await openTestStore(ours.store);
  const told: string[] = [];
  const paths = await store.importPaths(Readable.from([stream]), {
    onImported: (path, wasValid) => told.push(`${path}${wasValid ? ' again' : ''}`),
  });
  assert.deepEqual(paths, order);
  assert.deepEqual(told, order);
  for (const one of [theirs, ours]) {
    assertSound(one);
    assert.equal(`${one.run('nix-store', '--dump-db')}\n`, dump);
  }
  assert.equal(
    ours.run('nix-store', '-q', '--outputs', closure.find((path) => path.endsWith('multi-user.drv'))!),
    theirs.run('nix-store', '-q', '--outputs', closure.find((path) => path.endsWith('multi-user.drv'))!),
  );
  // Again changes nothing.
  assert.deepEqual(await store.importPaths(Readable.from([bytesOf(nix, '--export', ...closure)])), order);
  assert.equal(`${ours.run('nix-store', '--dump-db')}\n`, dump);
});

test('dump-db: byte for byte that of Nix, of all and of some', needs, async () => {
  const { nix, closure } = builtByNix('dump');
  await using store = await openTestStore(nix.store, { readOnly: true });
  assert.equal(await dumped(store), bytesOf(nix, '--dump-db').toString());
  const some = [closure.at(-1)!, closure[0]!, closure.at(-1)!];
  assert.equal(await dumped(store, some), bytesOf(nix, '--dump-db', ...some).toString());
});

test('load-db: each reads what the other dumped', needs, async () => {
  const { nix } = builtByNix('load');
  await using source = await openTestStore(nix.store);
  const dump = bytesOf(nix, '--dump-db').toString();
  const copyOf = (name: string) => {
    const copy = new RealNix(directory, join(directory, name));
    mkdirSync(join(copy.store, 'nix'), { recursive: true });
    execFileSync('cp', ['-a', join(nix.store, 'nix/store'), join(copy.store, 'nix/store')]);
    return copy;
  };
  const theirs = copyOf('load-nix');
  feed(theirs, await dumped(source), '--load-db');
  const ours = copyOf('load-ours');
  await using store = await openTestStore(ours.store);
  const how = { hashGiven: true, reregister: true, canonicalise: false };
  assert.equal(await store.registerPaths(Readable.from([Buffer.from(dump)]), how), store.validPaths().length);
  for (const one of [theirs, ours]) {
    assertSound(one);
    assert.equal(`${one.run('nix-store', '--dump-db')}\n`, dump);
    for (const drvPath of store.validPaths().filter((path) => path.endsWith('.drv')))
      assert.equal(
        one.run('nix-store', '-q', '--outputs', drvPath),
        nix.run('nix-store', '-q', '--outputs', drvPath),
      );
  }
});

test('register-validity: the contents are made canonical and hashed, by both alike', needs, async () => {
  // Nix looks for the contents at the logical path, so that the store lies where its paths say.
  const stores = ['theirs', 'ours'].map((name) => {
    const root = join(directory, 'registered', name);
    const uri = `local?store=${root}/store&state=${root}/var&log=${root}/log`;
    mkdirSync(join(root, 'store'), { recursive: true });
    const tree = `${root}/store/${'a'.repeat(32)}-tree`;
    mkdirSync(join(tree, 'bin'), { recursive: true });
    writeFileSync(join(tree, 'bin/run'), '#!/bin/sh\n', { mode: 0o700 });
    symlinkSync('bin/run', join(tree, 'link'));
    const file = `${root}/store/${'b'.repeat(32)}-file`;
    writeFileSync(file, tree, { mode: 0o600 });
    // Without hashes, as builders find it.
    const registration = `${file}\n\n1\n${tree}\n${tree}\n\n0\n`;
    return {
      root,
      nix: new RealNix(directory, uri),
      registration,
      directories: {
        storeDir: `${root}/store`,
        realStoreDir: `${root}/store`,
        stateDir: `${root}/var`,
        logDir: `${root}/log`,
      },
    };
  });
  const [theirs, ours] = stores as [(typeof stores)[0], (typeof stores)[0]];
  feed(theirs.nix, theirs.registration, '--register-validity');
  const { openLocalStore } = await import('../../ts/store/open-store.js');
  await using store = await openLocalStore({ directories: ours.directories, env: {} });
  assert.equal(await store.registerPaths(Readable.from([Buffer.from(ours.registration)])), 2);
  assertSound(ours.nix);
  const normal = (output: string, root: string) =>
    output.replaceAll(root, '/root').replace(/\n[0-9a-f]{64}\n/g, '\n#\n');
  assert.equal(
    normal(ours.nix.run('nix-store', '--dump-db'), ours.root),
    normal(theirs.nix.run('nix-store', '--dump-db'), theirs.root),
  );
  // Neither registers what is valid already unless told to, and then both do.
  writeFileSync(join(ours.root, 'again'), `${ours.registration.split('\n')[0]}\n\n0\n`);
  assert.equal(await store.registerPaths(Readable.from([readFileSync(join(ours.root, 'again'))])), 0);
  const again = { reregister: true };
  assert.equal(await store.registerPaths(Readable.from([readFileSync(join(ours.root, 'again'))]), again), 1);
  assertSound(ours.nix);
});

test('check-validity says the same', needs, async () => {
  const { nix, closure } = builtByNix('check');
  await using store = await openTestStore(nix.store, { readOnly: true });
  const missing = `/nix/store/${'0'.repeat(32)}-missing`;
  const theirs = nix.run('nix-store', '--check-validity', '--print-invalid', ...closure, missing);
  assert.deepEqual(store.invalidPaths([...closure, missing]), lines(theirs));
});
