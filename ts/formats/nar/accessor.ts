import type { ByteRanges } from './byte-ranges.js';
import { indexNar } from './index-nar.js';
import type { NarListing } from './listing.js';
import { type NarEntry, resolveInNar, wrongKind } from './resolve.js';

export interface NarAccessorOptions {
  /** The store path it is the NAR of: absolute symlinks to that, or into it, are followed. */
  readonly storePath?: string | undefined;
}

/**
 * Looks into a NAR without unpacking it, and reads single files of it. Paths are relative to its root, and symlinks are
 * followed as far as they stay inside: see `resolveInNar`. Throws ERR_FILE for what is not there or of another kind.
 */
export class NarAccessor {
  readonly listing: NarListing;
  readonly #source: ByteRanges;
  readonly #storePath: string | undefined;

  /** Of a NAR whose listing is known. */
  constructor(source: ByteRanges, listing: NarListing, { storePath }: NarAccessorOptions = {}) {
    this.#source = source;
    this.listing = listing;
    this.#storePath = storePath;
  }

  /** Reads all but the contents of the NAR, see `indexNar`. */
  static async open(source: ByteRanges, options: NarAccessorOptions = {}): Promise<NarAccessor> {
    return new NarAccessor(source, await indexNar(source), options);
  }

  /** What is at a path: without `follow`, a symlink in the last place is what is there. */
  stat(path: string, { follow = false }: { readonly follow?: boolean } = {}): NarEntry {
    return resolveInNar(this.listing.root, path, { follow, storePath: this.#storePath });
  }

  /** The names in a directory, by their bytes. */
  list(path: string): string[] {
    const entry = this.stat(path, { follow: true });
    if (entry.node.type !== 'directory') throw wrongKind(entry, 'a directory');
    return [...entry.node.entries.keys()];
  }

  /**
   * The contents of a file, or its bytes from `start` to before `end`; what is after its end is nothing. Throws a RangeError
   * for a number that is no place in a file.
   */
  async *read(
    path: string,
    { start = 0, end = Number.MAX_SAFE_INTEGER }: { readonly start?: number; readonly end?: number } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const isPlace = (place: number) => place >= 0 && (Number.isSafeInteger(place) || place === Infinity);
    for (const place of [start, end])
      if (!isPlace(place)) throw new RangeError(`${place} is no place in a file`);
    const entry = this.stat(path, { follow: true });
    const { node } = entry;
    if (node.type !== 'regular') throw wrongKind(entry, 'a file');
    const stop = Math.min(end, node.size);
    for (let at = start; at < stop; at += chunkLength)
      yield await this.#source.read(node.narOffset + at, Math.min(chunkLength, stop - at));
  }
}

/** Bytes read at a time. */
const chunkLength = 256 * 1024;
