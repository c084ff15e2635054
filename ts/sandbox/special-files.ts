import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, type Stats, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeText } from '../base/text.js';
import { parseMountInfo } from '../doctor/mount-info.js';
import { native } from '../native.js';

/**
 * A socket, FIFO or device in the directory `path` or below it, if there is any, mounts included. A tree of many
 * directories is remembered in `memory` (a directory, made when needed): the next search of it reads only what has
 * changed. Rejects with the errno of what could not be searched (EACCES, EOVERFLOW).
 *
 * It is a snapshot: a socket made afterwards is not seen before the next search.
 */
export async function findSpecialFile(path: string, memory: string): Promise<string | undefined> {
  const mounted = specialMount(path);
  if (mounted !== undefined) return mounted;
  const file = join(memory, createHash('sha256').update(encodeText(path)).digest('hex'));
  const before = read(file);
  const { found, directories } = await native.findSpecialFile(path, before);
  if (found !== undefined) return join(path, found);
  if (directories.length >= worthRemembering && !before.equals(directories)) remember(file, directories);
  return undefined;
}

/** What a file is that more can be done with than reading and writing its content; undefined for an ordinary one. */
export function specialKind(stats: Stats | undefined): string | undefined {
  if (stats?.isSocket()) return 'a socket';
  if (stats?.isFIFO()) return 'a FIFO';
  if (stats?.isCharacterDevice() || stats?.isBlockDevice()) return 'a device';
  return undefined;
}

/** About a thousand directories: fewer are read in no time. */
const worthRemembering = 64 * 1024;

/** One mounted over an ordinary file, which is all that its directory knows of. */
function specialMount(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
  const inside = path === '/' ? '/' : `${path}/`;
  return parseMountInfo(text)
    .map(({ mountPoint }) => mountPoint)
    .find((point) => point.startsWith(inside) && isSpecial(point));
}

function isSpecial(path: string): boolean {
  try {
    return specialKind(lstatSync(path, { throwIfNoEntry: false })) !== undefined;
  } catch {
    // Whoever cannot reach it cannot use it.
    return false;
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Without the memory the next search takes longer, and that is all. */
function remember(file: string, directories: Uint8Array): void {
  try {
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, directories, { mode: 0o600 });
    renameSync(fresh, file);
  } catch {
    return;
  }
}
