import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { compareText, decodeText, encodeText } from '../../base/text.js';

/** Where a text stands in a tree. */
export interface Occurrence {
  /** Relative to the tree; `.` is the tree itself if it is a single file. */
  readonly file: string;
  readonly place: 'contents' | 'target' | 'name';
  /** In bytes, from the beginning of the contents, the target or the name; the first one there. */
  readonly offset: number;
  /** The bytes around it, of which those that are no printable ASCII have become dots. */
  readonly context: string;
}

/**
 * The files of the tree at `root`, a host path, that hold a short ASCII text: in their contents, as the target of a symlink,
 * or in their name. In the order of names; each file once, `limit` of them at most. Contents are read in constant memory.
 */
export async function findOccurrences(
  root: string,
  text: string,
  { limit, signal }: { readonly limit: number; readonly signal?: AbortSignal | undefined },
): Promise<Occurrence[]> {
  const found: Occurrence[] = [];
  const visit = async (file: Buffer, relative: string): Promise<void> => {
    signal?.throwIfAborted();
    const stats = lstatSync(file);
    // The name of the tree itself is no reference.
    const name = relative === '.' ? undefined : occurrenceIn(encodeText(baseOf(relative)), text);
    const own = name ? { ...name, place: 'name' as const } : await inside(file, stats, text, signal);
    if (own) found.push({ file: relative, ...own });
    if (!stats.isDirectory()) return;
    const names = readdirSync(file, { encoding: 'buffer' }).map((bytes) => ({
      bytes,
      name: decodeText(bytes),
    }));
    for (const { bytes, name } of names.sort((a, b) => compareText(a.name, b.name))) {
      if (found.length >= limit) return;
      await visit(Buffer.concat([file, slash, bytes]), relative === '.' ? name : `${relative}/${name}`);
    }
  };
  await visit(encodeText(root), '.');
  return found;
}

type Spot = Pick<Occurrence, 'offset' | 'context'>;

const slash = Buffer.from('/');
const bytesBefore = 24;
const bytesAfter = 72;
const blockSize = 1024 * 1024;

function baseOf(relative: string): string {
  return relative.slice(relative.lastIndexOf('/') + 1);
}

async function inside(
  file: Buffer,
  stats: { isFile(): boolean; isSymbolicLink(): boolean },
  text: string,
  signal: AbortSignal | undefined,
): Promise<(Spot & { readonly place: 'contents' | 'target' }) | undefined> {
  if (stats.isSymbolicLink()) {
    const spot = occurrenceIn(readlinkSync(file, { encoding: 'buffer' }), text);
    return spot && { ...spot, place: 'target' };
  }
  const spot = stats.isFile() ? await inContents(file, text, signal) : undefined;
  return spot && { ...spot, place: 'contents' };
}

async function inContents(
  file: Buffer,
  text: string,
  signal: AbortSignal | undefined,
): Promise<Spot | undefined> {
  const handle = await open(file);
  try {
    // What is kept of one block: a text on the border, and what comes before it.
    const kept = bytesBefore + text.length;
    const buffer = Buffer.alloc(kept + blockSize);
    for (let start = 0, used = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, used, buffer.length - used, start + used);
      if (bytesRead === 0) return undefined;
      used += bytesRead;
      const at = buffer.subarray(0, used).indexOf(text, 0, 'latin1');
      if (at >= 0) {
        const from = Math.max(0, start + at - bytesBefore);
        const around = Buffer.alloc(bytesBefore + text.length + bytesAfter);
        const read = await handle.read(around, 0, around.length, from);
        return { offset: start + at, context: printable(around.subarray(0, read.bytesRead)) };
      }
      const drop = Math.max(0, used - kept);
      buffer.copyWithin(0, drop, used);
      start += drop;
      used -= drop;
    }
  } finally {
    await handle.close();
  }
}

function occurrenceIn(bytes: Buffer, text: string): Spot | undefined {
  const offset = bytes.indexOf(text, 0, 'latin1');
  if (offset < 0) return undefined;
  const around = bytes.subarray(Math.max(0, offset - bytesBefore), offset + text.length + bytesAfter);
  return { offset, context: printable(around) };
}

function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^ -~]/g, '.');
}
