import { lstat, readdir } from 'node:fs/promises';
import { quote } from '../base/quote.js';
import { compareText, decodeText } from '../base/text.js';
import { native } from '../native.js';

/**
 * Which files of the tree at `root`, a host path, hold a text of 32 characters (the hash part of a store path): in
 * their content, as the target of a link, or in their name. Paths relative to the root, in byte order, at most `limit`
 * of them; `.` is the root. Nothing is read once enough are found.
 */
export async function referringFiles(
  root: string,
  hashPart: string,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<string[]> {
  const found: string[] = [];
  const visit = async (file: Uint8Array, relative: string): Promise<void> => {
    if (found.length >= limit) return;
    signal.throwIfAborted();
    const isDirectory = (await lstat(Buffer.from(file))).isDirectory();
    const named = relative.slice(relative.lastIndexOf('/') + 1).includes(hashPart);
    if (named || (!isDirectory && (await holds(file, hashPart, signal)))) found.push(relative);
    if (!isDirectory) return;
    const names = (await readdir(Buffer.from(file), { encoding: 'buffer' })).map((name) => ({
      name,
      text: decodeText(name),
    }));
    for (const { name, text } of names.sort((a, b) => compareText(a.text, b.text))) {
      await visit(Buffer.concat([file, slash, name]), relative === '.' ? text : `${relative}/${text}`);
    }
  };
  await visit(Buffer.from(root), '.');
  return found;
}

/**
 * The same in words, for the hint of an error that stands without it: what cannot be read or reached by its path is
 * passed over. Throws the signal's reason.
 */
export async function whereReferred(root: string, hashPart: string, signal: AbortSignal): Promise<string> {
  try {
    const files = await referringFiles(root, hashPart, { limit: shown + 1, signal });
    const names = files.slice(0, shown).map((file) => quote(file, longestPath));
    return `${names.join(', ')}${files.length > shown ? ' and others' : ''}`;
  } catch {
    signal.throwIfAborted();
    return 'files that cannot be told';
  }
}

const slash = Buffer.from('/');

/** Enough to see a pattern. */
const shown = 3;

/** PATH_MAX. */
const longestPath = 4096;

async function holds(file: Uint8Array, hashPart: string, signal: AbortSignal): Promise<boolean> {
  return (await native.hashTree(file, [hashPart], { signal })).references.length > 0;
}
