import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';

/**
 * Forces a tree to disk (Nix's `fsync-store-paths`): after a power failure, what the database calls valid is
 * there. Without it the database is sound too, but files registered in the last seconds may be empty.
 */
export async function syncTree(root: string): Promise<void> {
  // Names are bytes, and need not be UTF-8.
  const pending = [Buffer.from(root)];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if ((await syncEntry(path)) !== 'directory') continue;
    for (const entry of await readdir(path, { withFileTypes: true, encoding: 'buffer' }))
      if (!entry.isSymbolicLink()) pending.push(Buffer.concat([path, slash, entry.name]));
  }
}

const slash = Buffer.from('/');

/** Forces one entry to disk: the contents of a file, or the names in a directory. A symlink has nothing to force. */
async function syncEntry(path: Buffer): Promise<'directory' | 'other'> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    if (error.code === 'ELOOP') return undefined;
    throw error;
  });
  if (!handle) return 'other';
  try {
    await handle.sync();
    return (await handle.stat()).isDirectory() ? 'directory' : 'other';
  } finally {
    await handle.close();
  }
}

/** Forces the names in a directory to disk. */
export async function syncDirectory(directory: string): Promise<void> {
  await syncEntry(Buffer.from(directory));
}
