import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { native } from '../native.js';
import { type Attempt, AttemptReader } from './attempt.js';

/** Gets what an observed sandbox tries, in the order in which it came to an end. Must not throw. */
export type AttemptSink = (attempt: Attempt) => void;

/** The pipe on which process 1 of an observed sandbox tells. */
export class AttemptPipe {
  /** Resolves when everything has been told: once all who could tell are dead. */
  readonly end: Promise<void>;
  /** For the launcher. */
  readonly write: number;
  readonly #socket: Socket;
  #given = false;

  constructor(onAttempt: AttemptSink) {
    const { read, write } = native.openPipe();
    this.write = write;
    const reader = new AttemptReader();
    this.#socket = new Socket({ fd: read, readable: true, writable: false });
    this.#socket.on('error', () => {}); // followed by 'close'
    this.#socket.on('data', (chunk) => {
      for (const attempt of reader.push(chunk)) onAttempt(attempt);
    });
    this.end = new Promise((resolve) => this.#socket.on('close', () => resolve()));
  }

  /** The launcher has its own copy now. */
  giveAway(): void {
    if (this.#given) return;
    this.#given = true;
    closeSync(this.write);
  }

  /** Stops reading. */
  close(): void {
    this.giveAway();
    this.#socket.destroy();
  }
}
