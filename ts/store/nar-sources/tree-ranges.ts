import { constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { decodeText, encodeText } from '../../base/text.js';
import type { ByteRanges } from '../../formats/nar/byte-ranges.js';
import { caseHackSuffix } from '../../formats/nar/case-hack.js';
import { NarLister, type NarListing } from '../../formats/nar/listing.js';
import { NarWriter } from '../../formats/nar/write.js';

/** A tree as the NAR it makes. */
export interface TreeRanges extends ByteRanges {
  readonly listing: NarListing;
}

/**
 * The NAR of the files at `root`, of which only names, sizes and the targets of symlinks are read beforehand: whatever of
 * the contents is asked for is read from the files then. Memory grows with the number of files, and has a limit.
 *
 * Nobody may change the files meanwhile; one whose size has changed is ERR_NAR when it is read. Throws ERR_NAR for what no
 * NAR can hold, ERR_UNSUPPORTED_FILE for devices, sockets and FIFOs, and what the operating system says.
 */
export async function treeRanges(
  root: string,
  { caseHack = false }: { readonly caseHack?: boolean } = {},
): Promise<TreeRanges> {
  const layout = new Layout();
  await layout.addTree(encodeText(root), caseHack);
  const { segments, listing } = layout.end();
  const read = async (offset: number, length: number) => {
    const bytes = Buffer.allocUnsafe(length);
    for (let have = 0; have < length; ) {
      const { start, segment } = segments.at(offset + have);
      const from = offset + have - start;
      const part = bytes.subarray(have, Math.min(length, have + segment.size - from));
      if (segment.kind === 'bytes') part.set(segment.bytes.subarray(from, from + part.length));
      else await readPart(segment, part, from);
      have += part.length;
    }
    return bytes;
  };
  return { size: segments.size, listing, read };
}

type Segment = BytesSegment | FileSegment;

interface BytesSegment {
  readonly kind: 'bytes';
  readonly size: number;
  readonly bytes: Uint8Array;
}

interface FileSegment {
  readonly kind: 'file';
  readonly size: number;
  readonly path: Buffer;
}

/** What a NAR consists of, in order. */
class Segments {
  readonly size: number;
  readonly #segments: readonly Segment[];
  readonly #starts: Float64Array;

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
    this.#starts = new Float64Array(segments.length);
    let size = 0;
    for (const [index, segment] of segments.entries()) {
      this.#starts[index] = size;
      size += segment.size;
    }
    this.size = size;
  }

  /** The segment that holds a byte, and where it starts. */
  at(offset: number): { readonly start: number; readonly segment: Segment } {
    let low = 0;
    for (let high = this.#segments.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { start: this.#starts[low]!, segment: this.#segments[low]! };
  }
}

class Layout {
  readonly #segments: Segment[] = [];
  readonly #lister = new NarLister();
  readonly #writer = new NarWriter((bytes) => {
    this.#lister.push(bytes);
    this.#segments.push({ kind: 'bytes', size: bytes.length, bytes });
  });

  /** Depth is bounded by the writer, which refuses what lies deeper than a NAR may. */
  async addTree(path: Buffer, caseHack: boolean): Promise<void> {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) {
      const target = await readlink(path, { encoding: 'buffer' });
      this.#writer.write({ kind: 'symlink', target: decodeText(target) });
    } else if (stats.isFile()) {
      this.#addFile(path, { size: stats.size, executable: (stats.mode & 0o100) !== 0 });
    } else if (stats.isDirectory()) {
      this.#writer.write({ kind: 'directory' });
      for (const { name, onDisk } of await entriesOf(path, caseHack)) {
        this.#writer.write({ kind: 'entry', name });
        await this.addTree(Buffer.concat([path, slash, onDisk]), caseHack);
      }
      this.#writer.write({ kind: 'directory-end' });
    } else {
      throw new AirplantError('ERR_UNSUPPORTED_FILE', `${shown(path)} is a device, a socket or a FIFO`);
    }
  }

  end(): { readonly segments: Segments; readonly listing: NarListing } {
    this.#writer.end();
    return { segments: new Segments(this.#segments), listing: this.#lister.end() };
  }

  #addFile(path: Buffer, file: { readonly size: number; readonly executable: boolean }): void {
    this.#writer.write({ kind: 'regular', ...file });
    if (file.size > 0) {
      this.#writer.skipContents();
      this.#lister.skipContents();
      this.#segments.push({ kind: 'file', size: file.size, path });
    }
    this.#writer.write({ kind: 'regular-end' });
  }
}

const slash = Buffer.from('/');

/** In the order of the NAR. Two that are the same without the suffix of the case hack are refused by the writer. */
async function entriesOf(
  directory: Buffer,
  caseHack: boolean,
): Promise<{ readonly name: string; readonly onDisk: Buffer }[]> {
  const names = await readdir(directory, { encoding: 'buffer' });
  const entries = names.map((onDisk) => {
    const suffix = caseHack ? onDisk.indexOf(caseHackSuffix) : -1;
    return { onDisk, bytes: suffix < 0 ? onDisk : onDisk.subarray(0, suffix) };
  });
  entries.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return entries.map(({ onDisk, bytes }) => ({ onDisk, name: decodeText(bytes) }));
}

async function readPart(segment: FileSegment, bytes: Uint8Array, from: number): Promise<void> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  await using handle = await open(segment.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size !== segment.size) throw changed(segment);
  for (let have = 0; have < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, have, bytes.length - have, from + have);
    if (bytesRead === 0) throw changed(segment);
    have += bytesRead;
  }
}

function changed({ path }: FileSegment): AirplantError {
  return new AirplantError('ERR_NAR', `${shown(path)} has changed since its directory was looked through`, {
    hint: 'Try again when nobody changes it.',
  });
}

function shown(path: Buffer): string {
  return quote(decodeText(path), 300);
}
