import { randomBytes } from 'node:crypto';
import { lstat, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { makeDirectory } from '../base/make-directory.js';
import { quote } from '../base/quote.js';
import { digestBytes } from '../formats/hash.js';
import { hashBytes } from '../formats/hash-bytes.js';
import { encodeNixBase32 } from '../formats/nixbase32.js';
import type { StoreDirectories } from './directories.js';

/**
 * Makes what a link of the user's points at a root, for as long as the link exists and points there:
 * `gcroots/auto/<base 32 of the SHA-1 of the link's path>` is a symlink to the link. Returns that symlink's path.
 */
export async function addIndirectRoot({ stateDir }: StoreDirectories, link: string): Promise<string> {
  const target = resolve(link);
  const auto = join(stateDir, 'gcroots/auto');
  makeDirectory(auto, 0o755);
  const root = join(auto, encodeNixBase32(digestBytes(hashBytes('sha1', target))));
  await replaceSymlink(target, root);
  return root;
}

/**
 * Makes `link` a symlink to a store path (by its logical name, as Nix does) and a root. An earlier link into the
 * store is replaced atomically. Throws ERR_FILE where something else is in the way or the link would lie in the
 * store.
 */
export async function makeResultLink(
  directories: StoreDirectories,
  { link, path }: { readonly link: string; readonly path: string },
): Promise<void> {
  const { storeDir, realStoreDir } = directories;
  const at = resolve(link);
  if ([storeDir, realStoreDir].some((directory) => at.startsWith(`${directory}/`)))
    throw inTheWay(at, 'it would lie in the store');
  const there = await lstat(at).catch(() => undefined);
  if (there && !(there.isSymbolicLink() && (await readlink(at)).startsWith(`${storeDir}/`)))
    throw inTheWay(at, 'something else is there already');
  makeParent(at);
  await replaceSymlink(path, at);
  await addIndirectRoot(directories, at);
}

function makeParent(link: string): void {
  try {
    makeDirectory(dirname(link));
  } catch (cause) {
    throw inTheWay(link, `its directory cannot be made: ${(cause as NodeJS.ErrnoException).code}`);
  }
}

/** Whoever looks sees the old link or the new one. */
async function replaceSymlink(target: string, link: string): Promise<void> {
  const partial = join(dirname(link), `.${basename(link).slice(0, 200)}-${randomBytes(6).toString('hex')}`);
  try {
    await symlink(target, partial);
    await rename(partial, link);
  } catch (cause) {
    await rm(partial, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new AirplantError('ERR_FILE', `the link ${quote(link)} cannot be made: ${code}`, {
      hint: 'Choose another place with `--out-link`, or `--no-link`.',
      cause,
      details: { path: link },
    });
  }
}

function inTheWay(link: string, why: string): AirplantError {
  return new AirplantError('ERR_FILE', `the link ${quote(link)} cannot be made: ${why}`, {
    hint: 'Choose another place with `--out-link`, or `--no-link`.',
    details: { path: link },
  });
}
