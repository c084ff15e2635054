/**
 * Reads a source of chunks of any size piece by piece. It asks for a chunk only when it needs one, so that what follows
 * what was read stays unread as far as the source allows.
 */
export class ChunkReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #passed = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#passed + this.#at;
  }

  /** What is at hand of the source, at least one byte of it; undefined at its end. Read once `skip` says so. */
  async peek(): Promise<Uint8Array | undefined> {
    while (this.#at === this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done) return undefined;
      this.#passed += this.#chunk.length;
      this.#chunk = next.value;
      this.#at = 0;
    }
    return this.#chunk.subarray(this.#at);
  }

  /** Takes so many bytes of what `peek` returned for read. */
  skip(count: number): void {
    this.#at += count;
  }

  /** Exactly so many bytes, in a buffer of their own; undefined if the source ends before. */
  async read(length: number): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafe(length);
    for (let have = 0; have < length; ) {
      const chunk = await this.peek();
      if (!chunk) return undefined;
      const part = chunk.subarray(0, length - have);
      bytes.set(part, have);
      have += part.length;
      this.skip(part.length);
    }
    return bytes;
  }

  /** Closes the source; nothing more is read. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
