import { lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { decodeText, encodeText } from '../base/text.js';
import { type CancelOptions, native } from '../native.js';

export type SourceType = 'regular' | 'directory' | 'symlink' | 'unknown';

/**
 * Whether to take a file below the source, given its absolute path and type, as `builtins.path` asks. What lies
 * below a directory that is not taken is not asked about. `unknown` is a device, socket or FIFO.
 */
export type SourceFilter = (path: string, type: SourceType) => boolean;

/**
 * Copies what the filter takes to `copy`, which must not exist and lie in a private directory. The source itself
 * is always taken. Holes stay holes. Throws ERR_UNSUPPORTED_FILE for a file of type `unknown` that the filter takes,
 * and the signal's reason when that is aborted.
 */
export async function copyFiltered(
  source: string,
  copy: string,
  { filter, signal }: CancelOptions & { readonly filter: SourceFilter },
): Promise<void> {
  const root = { from: encodeText(resolve(source)), to: encodeText(copy) };
  const pending = [{ ...root, type: await typeOf(root.from) }];
  for (let entry = pending.pop(); entry; entry = pending.pop()) {
    const { from, to, type } = entry;
    signal?.throwIfAborted();
    if (type === 'regular') await native.copyTree(from, to, { signal });
    else await copyEntry(from, to, type);
    if (type !== 'directory') continue;
    for (const name of await readdir(from, { encoding: 'buffer' })) {
      const child = { from: below(from, name), to: below(to, name) };
      const childType = await typeOf(child.from);
      if (filter(decodeText(child.from), childType)) pending.push({ ...child, type: childType });
    }
  }
}

async function copyEntry(from: Buffer, to: Buffer, type: Exclude<SourceType, 'regular'>): Promise<void> {
  switch (type) {
    case 'directory':
      await mkdir(to, { mode: 0o700 });
      return;
    case 'symlink':
      await symlink(await readlink(from, { encoding: 'buffer' }), to);
      return;
    case 'unknown':
      throw new AirplantError(
        'ERR_UNSUPPORTED_FILE',
        `file ${quote(decodeText(from))} has an unsupported type`,
      );
  }
}

async function typeOf(path: Buffer): Promise<SourceType> {
  const stats = await lstat(path);
  if (stats.isFile()) return 'regular';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'unknown';
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name]);
}
