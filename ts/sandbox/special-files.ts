import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, renameSync, type Stats, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../base/make-directory.js';
import { encodeText } from '../base/text.js';
import { parseMountInfo } from '../doctor/mount-info.js';
import { native } from '../native.js';

/**
 * A socket, FIFO or device in the directory `path` or below it, if there is any, mounts included. A tree of many
 * directories is remembered in `memory` (a directory, made when needed): the next search of it reads only what has
 * changed. What the system has installed in /usr is not searched. Rejects with the errno of what could not be searched
 * (EACCES, EOVERFLOW), or with the reason of `signal`, which stops it in the middle.
 *
 * It is a snapshot: a socket made afterwards is not seen before the next search.
 */
export async function findSpecialFile(
  path: string,
  memory: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const mounts = mountsBelow(path);
  const mounted = mounts.find((point) => specialKind(lookAt(point)) !== undefined);
  if (mounted !== undefined) return mounted;
  const roots = isOfTheSystem(path) ? [...mounts, ...(path === '/usr' ? ['/usr/local'] : [])] : [path];
  for (const root of roots.filter((one) => lookAt(one)?.isDirectory())) {
    const found = await search(root, memory, signal);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * True for what is below /usr, but not /usr/local, where nobody but root could have put it. To search it would take
 * seconds on a machine that has just been started (100,000 files), for nothing: it can be on a read-only file system,
 * and then no program could listen there (Filesystem Hierarchy Standard, chapter 4).
 */
function isOfTheSystem(path: string): boolean {
  if (!`${path}/`.startsWith('/usr/') || `${path}/`.startsWith('/usr/local/')) return false;
  for (let directory = path; ; directory = dirname(directory)) {
    const stats = lookAt(directory);
    if (!stats?.isDirectory() || stats.uid !== 0 || (stats.mode & 0o022) !== 0) return false;
    if (directory === '/') return true;
  }
}

async function search(
  root: string,
  memory: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const file = join(memory, createHash('sha256').update(encodeText(root)).digest('hex'));
  const before = read(file);
  const { found, directories } = await native.findSpecialFile(root, before, { signal });
  if (found !== undefined) return join(root, found);
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

/** A socket can be mounted over an ordinary file, which is all that its directory knows of. */
function mountsBelow(path: string): string[] {
  try {
    const mounts = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
    return mounts.map(({ mountPoint }) => mountPoint).filter((point) => point.startsWith(`${path}/`));
  } catch {
    return [];
  }
}

/** Undefined where nothing is to be seen: whoever cannot reach a file cannot use it. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Empty for what is missing or damaged: directories that are missing in it would be passed over. */
function read(file: string): Buffer {
  try {
    const bytes = readFileSync(file);
    const directories = bytes.subarray(checksumSize);
    return checksum(directories).equals(bytes.subarray(0, checksumSize)) ? directories : Buffer.alloc(0);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Without the memory the next search takes longer, and that is all. */
function remember(file: string, directories: Uint8Array): void {
  try {
    makeDirectory(dirname(file), 0o700);
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, Buffer.concat([checksum(directories), directories]), { mode: 0o600 });
    renameSync(fresh, file);
  } catch {
    return;
  }
}

const checksumSize = 32;

function checksum(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
