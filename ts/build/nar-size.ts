import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { caseHackSuffix } from '../formats/nar/case-hack.js';

/**
 * The length of the NAR that a tree would make, in bytes. No file is opened: it takes as long for terabytes as for none. Rejects as
 * `fs` does, and with the signal's reason.
 */
export async function narSizeOf(
  path: string,
  { signal, caseHack }: { readonly signal: AbortSignal; readonly caseHack: boolean },
): Promise<number> {
  let size = string('nix-archive-1'.length);
  const open: Buffer[] = [];
  const add = (file: Buffer) => {
    const stats = lstatSync(file);
    if (stats.isDirectory()) open.push(file);
    size += node(file, stats);
  };
  add(Buffer.from(path));
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    signal.throwIfAborted();
    for (const name of await readdir(directory, { encoding: 'buffer' })) {
      const suffix = caseHack ? name.indexOf(caseHackSuffix) : -1;
      size += entry + string(suffix < 0 ? name.length : suffix);
      add(Buffer.concat([directory, slash, name]));
    }
  }
  return size;
}

const slash = Buffer.from('/');

/** A string of so many bytes, with its length and padding. */
function string(length: number): number {
  return 8 + Math.ceil(length / 8) * 8;
}

/** The tokens of a format, all of them strings. */
function tokens(text: string): number {
  return text.split(' ').reduce((sum, token) => sum + string(token.length), 0);
}

const entry = tokens('entry ( name node )');

/** Without the entries of a directory. */
function node(file: Buffer, stats: Stats): number {
  if (stats.isDirectory()) return tokens('( type directory )');
  if (stats.isSymbolicLink()) {
    return tokens('( type symlink target )') + string(readlinkSync(file, { encoding: 'buffer' }).length);
  }
  const executable = (stats.mode & 0o100) === 0 ? 0 : string('executable'.length) + string(0);
  return tokens('( type regular contents )') + executable + string(stats.size);
}
