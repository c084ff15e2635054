import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { Database } from '../../ts/store/database.js';
import { Derivations } from '../../ts/store/derivations.js';
import type { StoreDirectories } from '../../ts/store/directories.js';
import { LockFile } from '../../ts/store/lock-file.js';
import { placeAndRegister } from '../../ts/store/place.js';
import type { StoreParts } from '../../ts/store/store-parts.js';
import { TempRoots } from '../../ts/store/temp-roots.js';
import { openTestStore, somePath, startScript, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Two processes, each with something the other waits for. Where that would last, a test fails by its time-out.
const directory = temporaryDirectory('lock-order');
const patience = { timeout: 120_000 };
const textOf = (registration: string) => Readable.from([Buffer.from(registration)]);
const load = { hashGiven: true, reregister: true, canonicalise: false };

/** The path that adding a text gives. */
async function pathOfText(name: string): Promise<string> {
  await using store = await openTestStore(join(directory, `path of ${name}`));
  return await store.addText({ name, contents: name, references: [] });
}

test(
  'who registers paths and who collects with a path in hand do not wait for each other',
  patience,
  async () => {
    const root = join(directory, 'both');
    await using store = await openTestStore(root);
    // The locks are tried in this order.
    const [first, second] = [somePath('0'), await pathOfText('second')];
    writeFileSync(store.realPath(first), 'first');
    writeFileSync(store.realPath(second), 'second');
    const holder = startScript('store-worker', 'lock', root, first);
    assert.equal(await holder.said(), 'locked');
    let waits = false;
    const registering = store.registerPaths(textOf(`${first}\n\n0\n${second}\n\n0\n`), {
      onWait: () => {
        waits = true;
      },
    });
    await holder.until(() => waits);
    // It takes the lock of the second path, and then wants to collect.
    const adder = startScript('add-on-full-disk', root, 'second');
    await holder.until(() => existsSync(`${store.realPath(second)}.lock`) || store.isValid(second));
    holder.child.stdin.write('release\n');
    assert.ok((await registering) >= 1);
    assert.equal(await adder.said(), second);
    assert.deepEqual(await adder.exit, [0, null]);
    assert.deepEqual(store.invalidPaths([first, second]), []);
    assert.equal((await store.verifyPath(second)).kind, 'good');
  },
);

test('who collects by itself gives up while others verify or register', patience, async () => {
  const root = join(directory, 'shared');
  await using store = await openTestStore(root);
  const lock = LockFile.open(join(store.directories.stateDir, 'gc.lock'));
  assert.ok(lock.tryLock('shared'));
  const adder = startScript('add-on-full-disk', root, 'x');
  assert.equal(await adder.said(), await pathOfText('x'));
  assert.deepEqual(await adder.exit, [0, null]);
  lock.close();
});

test('what is being made by another process is not registered meanwhile by load-db', patience, async () => {
  const root = join(directory, 'load');
  await using store = await openTestStore(root);
  const [path, valid] = [somePath('a'), await store.addText({ name: 'v', contents: 'v', references: [] })];
  writeFileSync(store.realPath(path), 'a');
  const holder = startScript('store-worker', 'lock', root, path, valid);
  assert.equal(await holder.said(), 'locked');
  const record = (one: string) => `${one}\n${'0'.repeat(64)}\n1\n\n0\n`;
  // Of what is valid already only the registration changes.
  assert.equal(await store.registerPaths(textOf(record(valid)), load), 1);
  const busy: string[] = [];
  const loading = store.registerPaths(textOf(record(path)), {
    ...load,
    onWait: (paths) => busy.push(...paths),
  });
  await holder.until(() => busy.length > 0);
  assert.deepEqual([busy, store.isValid(path)], [[path], false]);
  holder.child.stdin.write('release\n');
  assert.equal(await loading, 1);
  assert.ok(store.isValid(path));
});

test('what became valid while a lock was waited for is not registered again', patience, async () => {
  const root = join(directory, 'again');
  await using store = await openTestStore(root);
  const path = await pathOfText('made');
  writeFileSync(store.realPath(path), 'something else');
  await using other = await openTestStore(root);
  const locks = await other.lockPaths([path]);
  let waits = false;
  const registering = store.registerPaths(textOf(`${path}\n\n0\n`), {
    onWait: () => {
      waits = true;
    },
  });
  while (!waits) await new Promise((resolve) => setImmediate(resolve));
  const source = join(directory, 'made');
  writeFileSync(source, 'made');
  await native.canonicaliseTree(source);
  const { hash: hex, narSize } = await native.hashTree(source, []);
  rmSync(store.realPath(path));
  await other.registerOutputs([
    { path, source, narHash: { algorithm: 'sha256', hex }, narSize, references: [] },
  ]);
  locks.release({ delete: true });
  assert.equal(await registering, 0);
  assert.equal((await store.verifyPath(path)).kind, 'good');
});

/** Puts a path into a store and registers it without any lock, as a Nix does that loads a dump. */
async function registerUnlocked(directories: StoreDirectories, path: string): Promise<void> {
  writeFileSync(join(directories.realStoreDir, path.slice('/nix/store/'.length)), 'by Nix');
  const name = path.slice('/nix/store/'.length + 33);
  const file = join(directories.stateDir, 'db/db.sqlite');
  const worker = startScript('database-worker', 'write', file, name, '1');
  assert.deepEqual(await worker.exit, [0, null]);
}

test('an attempt that fails does not remove what has become valid meanwhile', patience, async () => {
  await using store = await openTestStore(join(directory, 'unlocked'));
  const path = somePath('0', 'x');
  const narHash = { algorithm: 'sha256', hex: '0'.repeat(64) } as const;
  const more = { references: [], registrationTime: 0, ultimate: false, signatures: [] };
  const fetch = async () => {
    await registerUnlocked(store.directories, path);
    throw new Error('the line is cut');
  };
  await assert.rejects(store.fetchPath({ info: { path, narHash, narSize: 1, ...more }, fetch }), {
    message: 'the line is cut',
  });
  assert.ok(store.isValid(path));
  assert.equal(readFileSync(store.realPath(path), 'utf8'), 'by Nix');
});

test('what has become valid while another path was made is not removed', patience, async () => {
  const root = join(directory, 'several');
  await (await openTestStore(root)).close();
  const directories = testDirectories(root);
  const file = join(directories.stateDir, 'db/db.sqlite');
  const how = { readOnly: false, create: false, journal: 'wal', synchronous: 'normal' } as const;
  const database = await Database.open({ file, ...how });
  const tempRoots = new TempRoots(directories.stateDir);
  const parts: StoreParts = {
    directories,
    database,
    derivations: new Derivations(directories, database),
    tempRoots,
    fsyncStorePaths: false,
    autoOptimise: false,
    caseHack: false,
    collecting: {
      minFree: 0,
      maxFree: 0,
      minFreeCheckInterval: 0,
      keepOutputs: false,
      keepDerivations: true,
    },
  };
  const [path, other] = [somePath('b'), somePath('0', 'x')];
  const made: string[] = [];
  const narHash = { algorithm: 'sha256', hex: '0'.repeat(64) } as const;
  const more = { narHash, narSize: 1, references: [], registrationTime: 0, ultimate: false, signatures: [] };
  try {
    await placeAndRegister(parts, [{ path }, { path: other }], {
      place: async (item, realPath) => {
        made.push(item.path);
        if (item.path === path) await registerUnlocked(directories, other);
        writeFileSync(realPath, 'by us');
        return { info: { path: item.path, ...more } };
      },
    });
  } finally {
    tempRoots.close();
    database.close();
  }
  assert.deepEqual(made, [path]);
  assert.equal(
    readFileSync(join(directories.realStoreDir, other.slice('/nix/store/'.length)), 'utf8'),
    'by Nix',
  );
});
