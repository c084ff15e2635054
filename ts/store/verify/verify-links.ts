import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { encodeText } from '../../base/text.js';
import { encodeNixBase32 } from '../../formats/nixbase32.js';
import { native } from '../../native.js';
import { eachOf } from '../each-of.js';
import { namesIn } from '../names-in.js';
import { whyUnreadable } from './unreadable.js';
import type { VerifyContext } from './verify-store.js';

/** Reads every file of `.links`, whose name is the hash of its archive. Returns how many there are. */
export async function verifyLinks(
  { parts, signal, find }: VerifyContext,
  { remove }: { readonly remove: boolean },
): Promise<number> {
  const directory = join(parts.directories.realStoreDir, '.links');
  const names = linkNames(directory).sort();
  await eachOf(names, async (name) => {
    const link = join(directory, name);
    const actual = await hashOf(link, signal);
    if (actual === 'gone' || actual === name) return;
    const isRemoved = remove && removeLink(link);
    find({ kind: 'link', state: isRemoved ? 'settled' : 'error', link, expected: name, actual });
  });
  return names.length;
}

/** False if it cannot be done: it is told with the others. */
function removeLink(link: string): boolean {
  try {
    unlinkSync(encodeText(link));
    return true;
  } catch {
    return false;
  }
}

function linkNames(directory: string): string[] {
  try {
    return namesIn(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for what no archive can hold, or cannot be read. */
async function hashOf(link: string, signal: AbortSignal | undefined): Promise<string | 'gone' | undefined> {
  try {
    const { hash } = await native.hashTree(link, [], { signal });
    return encodeNixBase32(Buffer.from(hash, 'hex'));
  } catch (error) {
    return whyUnreadable(error, signal) === 'ENOENT' ? 'gone' : undefined;
  }
}
