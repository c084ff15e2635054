import { lstatSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { makeDirectory } from '../base/make-directory.js';
import { quote } from '../base/quote.js';
import { schemaVersion } from './database-schema.js';
import type { StoreDirectories } from './directories.js';

/**
 * Makes whatever is missing of a store's directories, with the modes Nix gives them whatever the umask: 0755.
 * Directories above the root of a chroot store follow the umask.
 */
export function createLayout({ realStoreDir, stateDir, logDir, root }: StoreDirectories): void {
  makeDirectory(root ?? dirname(realStoreDir));
  const wanted = [
    realStoreDir,
    join(realStoreDir, '.links'),
    logDir,
    ...['db', 'temproots', 'gcroots/per-user', 'profiles/per-user'].map((name) => join(stateDir, name)),
  ];
  const user = userName();
  if (user) wanted.push(join(stateDir, 'gcroots/per-user', user), join(stateDir, 'profiles/per-user', user));
  for (const directory of wanted) makeDirectory(directory, 0o755);
  createSymlink(join(stateDir, 'profiles'), join(stateDir, 'gcroots/profiles'));
}

/**
 * Refuses a store directory that is, or lies below, a symlink: hashes would name one place and files lie in
 * another. In a chroot store the user's directories above the root may be symlinks: nothing but the mount
 * namespace ever sees those. Nix's NIX_IGNORE_SYMLINK_STORE=1 lifts it.
 */
export function refuseSymlinks({ realStoreDir, root }: StoreDirectories): void {
  const top = root !== undefined && !relative(root, realStoreDir).startsWith('..') ? root : '/';
  for (let path = realStoreDir; path !== top && path !== '/'; path = dirname(path)) {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) continue;
    throw new AirplantError(
      'ERR_STORE_OPEN',
      `the path ${quote(path)} is a symlink; this is not allowed for the store and its parent directories`,
      { hint: 'Name the directory itself, or set NIX_IGNORE_SYMLINK_STORE=1.', details: { path } },
    );
  }
}

/** The schema version of a store, or undefined if it has none yet. Throws ERR_STORE_SCHEMA for any but ours. */
export function readSchema(stateDir: string): string | undefined {
  const file = join(stateDir, 'db/schema');
  let text: string;
  try {
    text = readFileSync(file, 'latin1').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (text === schemaVersion) return text;
  throw new AirplantError(
    'ERR_STORE_SCHEMA',
    /^\d{1,9}$/.test(text)
      ? `the store has schema ${text}, ${Number(text) > Number(schemaVersion) ? 'newer' : 'older'} than the ${schemaVersion} of airplant`
      : `${quote(file)} holds ${quote(text, 20)}, which is no schema version`,
    {
      hint: wayOut(text),
      details: { file, schema: text.slice(0, 20) },
    },
  );
}

/** What to do with a store of another schema. The steps are those of Nix. */
function wayOut(schema: string): string {
  if (!/^\d{1,9}$/.test(schema)) return 'If the store was made by Nix 2.0 or later, the file is to hold 10.';
  if (Number(schema) > Number(schemaVersion)) return 'Use a newer airplant, or another `--store`.';
  return Number(schema) > 5
    ? 'A Nix of version 2.0 or later upgrades it by opening it, as `nix-store --verify` does; or name another `--store`.'
    : 'Nix 1.11 upgrades it to what later ones can upgrade further; or name another `--store`.';
}

/** Marks a store as complete: its database has tables. Atomic and durable. */
export async function writeSchema(stateDir: string): Promise<void> {
  const file = join(stateDir, 'db/schema');
  const partial = `${file}.tmp-${process.pid}`;
  const handle = await open(partial, 'w', 0o644);
  try {
    await handle.writeFile(schemaVersion);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}

/**
 * 8 MiB that a collector on a full disk gives up first (`db/reserved`). Nix makes it as well; without it
 * everything works but the rescue, so a disk that has no room for it is no error.
 */
export async function reserveSpace(stateDir: string): Promise<void> {
  const file = join(stateDir, 'db/reserved');
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(Buffer.alloc(8 * 1024 * 1024, 'X'));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(file, { force: true });
  }
}

function createSymlink(target: string, link: string): void {
  try {
    symlinkSync(target, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // What it points at is the user's choice, but it must be one.
    readlinkSync(link);
  }
}

/** Undefined for a user without an entry in the password database, as in many containers. */
function userName(): string | undefined {
  try {
    const { username } = userInfo();
    return /^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(username) && !/^\.\.?$/.test(username)
      ? username
      : undefined;
  } catch {
    return undefined;
  }
}
