import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { decodeText } from '../../base/text.js';
import { native } from '../../native.js';

/** Bytes a hook may print on either stream. */
export const mostOutput: number = 1024 * 1024;

/** Whoever listens while a hook runs. */
export interface HookListener {
  /** A piece of its standard error. A promise holds the hook back until it resolves; it must not reject. */
  readonly onError: (chunk: Uint8Array) => Promise<void> | undefined;
  readonly onTooMuch: (stream: 'output' | 'error') => void;
}

/** The three pipes between us and a hook: what it may read, and what it has written, as far as it may. */
export class HookStreams {
  readonly #input: string;
  readonly #listener: HookListener;
  readonly #pipes: readonly [Pipe, Pipe, Pipe];
  #sockets: readonly [Socket, Socket, Socket] | undefined;
  readonly #output = new Output();
  readonly #error = new Output();
  #theirsOpen = true;
  /** Its standard input, output and error. */
  readonly theirs: readonly [number, number, number];

  constructor(input: string, listener: HookListener) {
    this.#input = input;
    this.#listener = listener;
    this.#pipes = openThree();
    const [stdin, stdout, stderr] = this.#pipes;
    this.theirs = [stdin.read, stdout.write, stderr.write];
  }

  /** Starts reading and writing. A hook need not read: what it does not take is dropped when it ends. */
  start(): void {
    const [stdin, stdout, stderr] = this.#pipes;
    this.#sockets = [
      new Socket({ fd: stdin.write, readable: false, writable: true }),
      new Socket({ fd: stdout.read, readable: true, writable: false }),
      new Socket({ fd: stderr.read, readable: true, writable: false }),
    ];
    const { onError, onTooMuch } = this.#listener;
    for (const socket of this.#sockets) socket.on('error', () => {});
    this.#sockets[0].end(this.#input);
    this.#output.collect(this.#sockets[1], () => onTooMuch('output'));
    this.#error.collect(this.#sockets[2], () => onTooMuch('error'), onError);
  }

  /** Resolves when all that was written has been read. Whoever outlives the hook and holds the pipes is not waited for. */
  async finish(): Promise<void> {
    const [, ...outputs] = this.#sockets ?? [];
    // What is left is no more than pipes hold.
    this.#error.holdNoMore();
    const timer = setTimeout(() => this.close(), patience);
    await Promise.allSettled(outputs.map((socket) => finished(socket)));
    clearTimeout(timer);
  }

  /** To be called when the hook has its ends, or will never have them. */
  closeTheirs(): void {
    if (this.#theirsOpen) for (const fd of this.theirs) closeSync(fd);
    this.#theirsOpen = false;
  }

  close(): void {
    this.closeTheirs();
    if (this.#sockets) {
      for (const socket of this.#sockets) socket.destroy();
      return;
    }
    const [stdin, stdout, stderr] = this.#pipes;
    for (const fd of [stdin.write, stdout.read, stderr.read]) closeSync(fd);
  }

  printed(): Buffer {
    return this.#output.whole();
  }

  /** The last of its standard error, as text. */
  said(): string {
    return decodeText(this.#error.whole().subarray(-1000));
  }
}

/** Milliseconds for what is still in the pipes after the hook has ended. */
const patience = 1000;

interface Pipe {
  readonly read: number;
  readonly write: number;
}

function openThree(): [Pipe, Pipe, Pipe] {
  const pipes: Pipe[] = [];
  try {
    while (pipes.length < 3) pipes.push(native.openPipe());
  } catch (error) {
    for (const { read, write } of pipes) [read, write].forEach(closeSync);
    throw error;
  }
  return pipes as [Pipe, Pipe, Pipe];
}

/** What came out of one stream, as far as it may. */
class Output {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #stream: Socket | undefined;
  #mayHold = true;

  collect(
    stream: Socket,
    tooMuch: () => void,
    onChunk: (chunk: Uint8Array) => Promise<void> | undefined = () => undefined,
  ): void {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (this.#size > mostOutput) return;
      this.#chunks.push(chunk.subarray(0, mostOutput - this.#size));
      this.#size += chunk.length;
      if (this.#size > mostOutput) return tooMuch();
      const held = onChunk(chunk);
      if (!held || !this.#mayHold) return;
      stream.pause();
      void held.then(() => stream.resume());
    });
  }

  holdNoMore(): void {
    this.#mayHold = false;
    this.#stream?.resume();
  }

  whole(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
