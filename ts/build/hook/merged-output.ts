import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { native } from '../../native.js';
import type { HookIo } from './hook-process.js';

/** Standard output and error are one; there is nothing to read. Of what is written nothing is kept. */
export class MergedOutput implements HookIo {
  readonly #onChunk: (chunk: Uint8Array) => Promise<void> | undefined;
  readonly #read: number;
  #socket: Socket | undefined;
  #theirsOpen = true;
  /** Something has come since the last look. */
  #heard = false;
  readonly theirs: readonly [number, number, number];

  constructor(onChunk: (chunk: Uint8Array) => Promise<void> | undefined) {
    this.#onChunk = onChunk;
    const { read, write } = native.openPipe();
    try {
      this.theirs = [openSync('/dev/null', 'r'), write, write];
    } catch (error) {
      for (const fd of [read, write]) closeSync(fd);
      throw error;
    }
    this.#read = read;
  }

  start(): void {
    const socket = new Socket({ fd: this.#read, readable: true, writable: false });
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#heard = true;
      const held = this.#onChunk(chunk);
      if (!held) return;
      socket.pause();
      void held.then(() => socket.resume());
    });
  }

  /** Whoever outlives the hook, holds the pipe and says nothing is not waited for. */
  async finish(signal: AbortSignal): Promise<void> {
    const socket = this.#socket;
    if (!socket) return;
    this.#heard = true;
    const timer = setInterval(() => {
      if (!this.#heard && !socket.isPaused()) socket.destroy();
      this.#heard = false;
    }, patience);
    // Whoever is to take what it wrote may never do so.
    await finished(socket, { signal }).catch(() => {});
    clearInterval(timer);
  }

  closeTheirs(): void {
    if (!this.#theirsOpen) return;
    this.#theirsOpen = false;
    for (const fd of new Set(this.theirs)) closeSync(fd);
  }

  close(): void {
    this.closeTheirs();
    if (this.#socket) this.#socket.destroy();
    else closeSync(this.#read);
  }

  said(): string {
    return '';
  }
}

/** Milliseconds between two looks at whether anything still comes. */
const patience = 1000;
