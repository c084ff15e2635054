import { lstatSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { native } from '../native.js';
import type { StoreDirectories } from './directories.js';
import { LockFile } from './lock-file.js';
import { storeError } from './store-parts.js';

/**
 * Deletes a whole store: its paths (whose directories are read-only, so that `rm -r` fails), logs and state, and
 * whatever directories above them are empty then, up to the root of a chroot store. What was interrupted can be
 * done again.
 *
 * Refuses /nix/store, what does not look like a store of the caller's (ERR_STORE_OPEN), and a store that a
 * process has open (ERR_PATH_IN_USE).
 */
export async function removeStore(directories: StoreDirectories): Promise<void> {
  const { realStoreDir, stateDir, logDir, root } = directories;
  requireRemovable(directories);
  const locks = lockEverything(stateDir);
  try {
    await native.removeTree(realStoreDir);
    await native.removeTree(logDir);
    // The lock of the database last: with it this still looks like a store, should we be interrupted.
    for (const name of readdirSync(stateDir))
      if (name !== 'db') await native.removeTree(join(stateDir, name));
    const database = join(stateDir, 'db');
    for (const name of readdirSync(database))
      if (name !== 'big-lock') await native.removeTree(join(database, name));
    await native.removeTree(stateDir);
  } catch (error) {
    throw storeError(error, `removing the store in ${quote(realStoreDir)}`);
  } finally {
    for (const lock of locks) lock.close();
  }
  for (const directory of [logDir, realStoreDir, stateDir]) removeEmpty(dirname(directory), root);
}

/**
 * What is never removed: /nix/store, what does not look like a store, and what is another user's. Throws ERR_STORE_OPEN.
 */
export function requireRemovable({ realStoreDir, stateDir }: StoreDirectories): void {
  const refuse = (why: string) => {
    throw new AirplantError('ERR_STORE_OPEN', `${quote(realStoreDir)} is not removed: ${why}`, {
      hint: 'Name a store of your own with `--store`.',
      details: { realStoreDir, stateDir },
    });
  };
  if (realStoreDir === '/nix/store' || stateDir === '/nix/var/nix') refuse('it belongs to the whole machine');
  const type = (path: string) => lstatSync(path, { throwIfNoEntry: false });
  const database = type(join(stateDir, 'db'));
  if (!database?.isDirectory() || !type(join(stateDir, 'db/big-lock'))?.isFile())
    refuse(`${quote(stateDir)} holds no database of a store`);
  const store = type(realStoreDir);
  if (store && !store.isDirectory()) refuse('it is not a directory');
  const stranger = store && readdirSync(realStoreDir).find((name) => !storeEntry.test(name));
  if (stranger !== undefined) refuse(`${quote(stranger)} in it is nothing that lies in a store`);
  if ([database, store].some((stats) => stats && stats.uid !== process.getuid?.()))
    refuse('it belongs to another user');
}

/** Store paths with their locks and scratch directories, Nix's `tmp-…`, `.links`. */
const storeEntry = /^([0-9a-z]{32}-|tmp-|\.)/;

/** Every process that has the store open holds the first of these shared; collectors hold the second. */
function lockEverything(stateDir: string): LockFile[] {
  const locks: LockFile[] = [];
  for (const name of ['db/big-lock', 'gc.lock']) {
    const lock = LockFile.open(join(stateDir, name));
    locks.push(lock);
    if (lock.tryLock('exclusive')) continue;
    for (const taken of locks) taken.close();
    throw new AirplantError(
      'ERR_PATH_IN_USE',
      `a process uses the store with its state in ${quote(stateDir)}`,
      {
        hint: 'Wait for builds and daemons to end, then try again.',
        details: { stateDir },
      },
    );
  }
  return locks;
}

/** Removes a directory and those above it while they are empty, the root being the last. */
function removeEmpty(directory: string, root: string | undefined): void {
  for (let path = directory; ; path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && path !== root) continue;
      return;
    }
    if (path === root || root === undefined) return;
  }
}
