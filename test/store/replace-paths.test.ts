import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';
import type { OutputToRegister } from '../../ts/store/register-outputs.js';
import { damage } from '../support/damage.js';
import { requires } from '../support/requires.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('replace-paths');
let stores = 0;

async function newStore(): Promise<LocalStore> {
  return await openTestStore(join(directory, `store-${++stores}`));
}

/** A canonical directory with one file, on the store's file system. */
async function made(
  store: LocalStore,
  path: string,
  contents: string,
  references: string[] = [],
): Promise<OutputToRegister> {
  const source = join(store.directories.realStoreDir, `made-${path.slice(-1)}`);
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub/file'), contents);
  await native.canonicaliseTree(source);
  const { hash, narSize } = await native.hashTree(source, []);
  return { path, source, narHash: { algorithm: 'sha256', hex: hash }, narSize, references };
}

const contentsOf = (store: LocalStore, path: string) =>
  readFileSync(join(store.realPath(path), 'sub/file'), 'utf8');

/** What is in the store directory besides valid paths and locks. */
const leftIn = (store: LocalStore) =>
  readdirSync(store.directories.realStoreDir).filter(
    (name) => name !== '.links' && !name.endsWith('.lock') && !store.isValid(`/nix/store/${name}`),
  );

const [a, b] = [somePath('a'), somePath('b')];

test('what cannot be put back keeps nothing else from it, and is not deleted', async (t) => {
  await using store = await newStore();
  await store.registerOutputs([await made(store, a, 'old a'), await made(store, b, 'old b')]);
  const unknown = somePath('c');
  const both = [await made(store, a, 'new a'), await made(store, b, 'new b', [unknown])];
  const { moveTree } = native;
  const seen = new Set<string>();
  t.mock.method(native, 'moveTree', (...args: Parameters<typeof moveTree>) => {
    const [, to, how] = args;
    // The second time it is put back.
    if (how === 'exchange' && to === store.realPath(b) && seen.has(`${to}`)) {
      throw Object.assign(new Error('no'), { code: 'EIO' });
    }
    seen.add(`${to}`);
    return moveTree(...args);
  });
  await assert.rejects(store.replaceOutputs(both), { code: 'ERR_PATH_INVALID' });
  t.mock.restoreAll();
  assert.equal(contentsOf(store, a), 'old a');
  const staging = leftIn(store).find((name) => name.includes('staging'))!;
  const kept = readdirSync(join(store.directories.realStoreDir, staging)).map((name) =>
    readFileSync(join(store.directories.realStoreDir, staging, name, 'sub/file'), 'utf8'),
  );
  assert.ok(kept.includes('old b'), `${kept}`);
});

test('valid and missing paths are replaced together, and read-only directories stay so', async () => {
  await using store = await newStore();
  await store.registerOutputs([await made(store, a, 'old')]);
  const both = [await made(store, b, 'new b'), await made(store, a, 'new a', [b])];
  assert.deepEqual(await store.replaceOutputs(both), []);
  assert.deepEqual([contentsOf(store, a), contentsOf(store, b)], ['new a', 'new b']);
  assert.deepEqual([store.references(a), store.references(b)], [[b], []]);
  for (const path of [a, b]) assert.deepEqual(await store.verifyPath(path), { kind: 'good' });
  assert.deepEqual(leftIn(store), []);
  // What is registered is what there is now.
  await store.replaceOutputs([await made(store, a, 'without')]);
  assert.deepEqual(store.references(a), []);
});

test('what cannot be registered is put back, all of it', async () => {
  await using store = await newStore();
  await store.registerOutputs([await made(store, a, 'old')]);
  const before = store.pathInfo(a);
  const both = [await made(store, a, 'new'), await made(store, b, 'b', [somePath('c')])];
  await assert.rejects(store.replaceOutputs(both), { code: 'ERR_PATH_INVALID' });
  assert.equal(contentsOf(store, a), 'old');
  assert.deepEqual(store.pathInfo(a), before);
  assert.ok(!existsSync(store.realPath(b)));
  assert.deepEqual(await store.verifyPath(a), { kind: 'good' });
  assert.deepEqual(leftIn(store), []);
});

test('a path is fetched again only if it is damaged, under its lock', async () => {
  await using store = await newStore();
  const output = await made(store, a, 'contents');
  await store.registerOutputs([output]);
  const info = store.pathInfo(a);
  await store.refetchPath({ info, fetch: () => assert.fail('it is good') });
  await damage(store, a);
  const wrong = async (destination: string) => writeFileSync(destination, 'wrong');
  await assert.rejects(store.refetchPath({ info, fetch: wrong }), { code: 'ERR_SUBSTITUTE' });
  assert.equal((await store.verifyPath(a)).kind, 'modified');
  const right = async (destination: string) => {
    assert.equal(await store.tryLockPaths([a]), undefined);
    mkdirSync(join(destination, 'sub'), { recursive: true });
    writeFileSync(join(destination, 'sub/file'), 'contents');
  };
  assert.deepEqual(await store.refetchPath({ info, fetch: right }), []);
  assert.deepEqual(await store.verifyPath(a), { kind: 'good' });
  assert.deepEqual(store.pathInfo(a), info);
  assert.deepEqual(leftIn(store), []);
});

test('as root: an immutable path is named and kept, with the cure; one inside it is no obstacle', {
  ...requires('linux', 'root', 'program:chattr'),
}, async () => {
  await using store = await newStore();
  const real = store.realPath(a);
  await store.registerOutputs([await made(store, a, 'old')]);
  const mark = (how: '+i' | '-i', path: string) => execFileSync('chattr', [how, path]);
  mark('+i', real);
  try {
    await assert.rejects(
      async () => await store.replaceOutputs([await made(store, a, 'new')]),
      (error: { code: string; message: string; hint: string }) => {
        assert.equal(error.code, 'ERR_PATH_IMMUTABLE');
        assert.ok(error.message.startsWith(`'${real}' cannot be replaced and stays as it is: `));
        assert.ok(error.hint.includes(`chattr -R -i '${real}'`));
        return true;
      },
    );
    assert.equal(contentsOf(store, a), 'old');
  } finally {
    mark('-i', real);
  }
  mark('+i', join(real, 'sub/file'));
  const [kept] = await store.replaceOutputs([await made(store, a, 'new')]);
  try {
    assert.equal(contentsOf(store, a), 'new');
    assert.equal(kept?.path, a);
    assert.equal(readFileSync(join(kept.place, 'sub/file'), 'utf8'), 'old');
    assert.ok(kept.cure.includes(`chattr -R -i '${kept.place}'`));
  } finally {
    spawnSync('chattr', ['-R', '-i', store.directories.realStoreDir]);
  }
});
