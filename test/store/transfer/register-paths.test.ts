import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDigest } from '../../../ts/formats/hash.js';
import { formatRegistration } from '../../../ts/formats/registration.js';
import type { LocalStore } from '../../../ts/store/local-store.js';
import { LockFile } from '../../../ts/store/lock-file.js';
import { openTestStore, somePath } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('register');
const [a, b] = [somePath('a'), somePath('b')];
const source = (registration: string) => Readable.from([Buffer.from(registration)]);

async function storeWith(name: string, files: Record<string, string>): Promise<LocalStore> {
  const store = await openTestStore(join(directory, name));
  for (const [path, contents] of Object.entries(files)) writeFileSync(store.realPath(path), contents);
  return store;
}

test('contents become canonical and are hashed; what they refer to is registered along, in any order', async () => {
  await using store = await storeWith('made', { [b]: a });
  const tree = store.realPath(a);
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'sub/run'), 'x', { mode: 0o700 });
  symlinkSync('sub', join(tree, 'link'));
  chmodSync(tree, 0o700);
  assert.equal(await store.registerPaths(source(`${b}\n\n1\n${a}\n${a}\n${b}\n1\n${a}\n`)), 2);
  assert.deepEqual(store.references(b), [a]);
  assert.deepEqual([store.references(a), store.pathInfo(a).deriver], [[a], b]);
  for (const path of [a, b]) assert.equal((await store.verifyPath(path)).kind, 'good');
  for (const [file, mode] of [
    ['', 0o555],
    ['sub/run', 0o555],
    ['sub', 0o555],
  ] as const) {
    const stats = lstatSync(join(tree, file));
    assert.deepEqual([stats.mode & 0o7777, stats.mtimeMs], [mode, 1000], file);
  }
});

const files = { [a]: 'a', [b]: 'b' };
const hash = '0'.repeat(64);
const wrong: Readonly<Record<string, readonly [string, string]>> = {
  'contents that are not there': [`${a}\n\n0\n${somePath('c')}\n\n0\n`, 'ERR_PATH_INVALID'],
  'a reference that is not there': [`${a}\n\n1\n${somePath('c')}\n`, 'ERR_PATH_INVALID'],
  'a cycle': [`${a}\n\n1\n${b}\n${b}\n\n1\n${a}\n`, 'ERR_OUTPUT_REJECTED'],
  'a path out of the store': [`/nix/store/../${a.slice(11)}\n\n0\n`, 'ERR_STORE_PATH'],
  'a path below one': [`${a}/x\n\n0\n`, 'ERR_STORE_PATH'],
  'the store directory': ['/nix/store\n\n0\n', 'ERR_STORE_PATH'],
  'an empty path': ['\n\n0\n', 'ERR_STORE_PATH'],
  'a NUL': [`${a}\0\n\n0\n`, 'ERR_STORE_PATH'],
  'a reference that is none': [`${a}\n\n1\nb\n`, 'ERR_STORE_PATH'],
  'a deriver that is none': [`${a}\nderiver\n0\n`, 'ERR_STORE_PATH'],
  'text cut short after a whole record': [`${a}\n\n0\n${b}\n\n`, 'ERR_REGISTRATION'],
  'text with hashes where none are expected': [`${a}\n${hash}\n1\n\n0\n`, 'ERR_REGISTRATION'],
  'a derivation that is none': [`${a}\n\n0\n${somePath('d', 'x.drv')}\n\n0\n`, 'ERR_DERIVATION_SYNTAX'],
};

for (const [what, [registration, code]] of Object.entries(wrong)) {
  test(`nothing is registered: ${what}`, async () => {
    await using store = await storeWith(`wrong ${what}`, { ...files, [somePath('d', 'x.drv')]: 'no' });
    await assert.rejects(store.registerPaths(source(registration)), { code });
    assert.deepEqual(store.validPaths(), []);
  });
}

test('a derivation that claims the output of another is refused, and one among the rest refuses all', async () => {
  const drv = somePath('g', 'x.drv');
  const out = somePath('f', 'victim');
  const contents = `Derive([("out","${out}","","")],[],[],"x86_64-linux","/bin/sh",[],[("name","x"),("out","${out}")])`;
  await using store = await storeWith('claim', { ...files, [drv]: contents });
  await assert.rejects(store.registerPaths(source(`${a}\n\n0\n${drv}\n\n0\n`)), {
    code: 'ERR_DERIVATION_INVALID',
  });
  assert.deepEqual([store.validPaths(), store.validDerivers(out)], [[], []]);
});

test('what is valid stays as it is, or is registered again with what the text does not say kept', async () => {
  await using store = await openTestStore(join(directory, 'again'));
  const { path, narHash, narSize } = await store.addPath({ name: 'x', source: import.meta.filename });
  await store.markUltimate([path]);
  const before = store.pathInfo(path);
  const record = (hex: string) =>
    formatRegistration({ path, references: [], nar: { hash: { algorithm: 'sha256', hex }, size: narSize } });
  const loading = { hashGiven: true, reregister: true, canonicalise: false };
  assert.equal(await store.registerPaths(source(record(hash)), { hashGiven: true }), 0);
  assert.equal(await store.registerPaths(source(record(formatDigest(narHash, 'base16'))), loading), 1);
  assert.deepEqual(store.pathInfo(path), before);
  assert.equal(await store.registerPaths(source(record(hash)), loading), 1);
  const { ultimate, contentAddress, narHash: now } = store.pathInfo(path);
  assert.deepEqual([ultimate, contentAddress, now.hex], [false, undefined, hash]);
  const all = await text(Readable.from(store.dumpDatabase()));
  assert.equal(all, record(hash));
});

test('a collector at work is waited for, and one that comes waits', async () => {
  await using store = await storeWith('collector', files);
  const lock = LockFile.open(join(store.directories.stateDir, 'gc.lock'));
  assert.ok(lock.tryLock('exclusive'));
  let done = false;
  const registering = store.registerPaths(source(`${a}\n\n0\n`)).then(() => {
    done = true;
  });
  await sleep(100);
  assert.equal(done, false);
  lock.close();
  await registering;
  assert.ok(store.isValid(a));
});
