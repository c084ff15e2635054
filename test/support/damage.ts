import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { native } from '../../ts/native.js';
import type { LocalStore } from '../../ts/store/local-store.js';

/** Ways in which a path of a store comes to harm; each takes where it lies on the host. */
export const damages: Readonly<Record<string, (real: string) => Promise<void> | void>> = {
  'a flipped bit': (real) => {
    const file = findFile(real);
    if (file === undefined) return addFile(real);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    const { mode } = lstatSync(file);
    chmodSync(file, mode | 0o200);
    writeFileSync(file, bytes);
    chmodSync(file, mode);
  },
  'another mode': (real) => {
    const file = findFile(real);
    if (file === undefined) return addFile(real);
    chmodSync(file, lstatSync(file).mode ^ 0o111);
  },
  'a file too many': (real) => {
    if (lstatSync(real).isDirectory()) addFile(real);
    else becomeSymlink(real);
  },
  'a file too few': async (real) => {
    if (!lstatSync(real).isDirectory()) return becomeSymlink(real);
    chmodSync(real, 0o755);
    for (const name of readdirSync(real)) await native.removeTree(join(real, name));
  },
  'a path that is gone': async (real) => void (await native.removeTree(real)),
};

/** Does one of them to a valid path. */
export async function damage(store: LocalStore, path: string, how = 'a flipped bit'): Promise<void> {
  await damages[how]!(store.realPath(path));
}

/** A regular file of a tree that is not empty, the first in the order of names. */
function findFile(path: string): string | undefined {
  const stats = lstatSync(path);
  if (stats.isFile()) return stats.size > 0 ? path : undefined;
  if (!stats.isDirectory()) return undefined;
  for (const name of readdirSync(path).sort()) {
    const file = findFile(join(path, name));
    if (file !== undefined) return file;
  }
  return undefined;
}

function addFile(directory: string): void {
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'more'), '');
}

function becomeSymlink(real: string): void {
  unlinkSync(real);
  symlinkSync('elsewhere', real);
}
