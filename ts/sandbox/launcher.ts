import { Socket } from 'node:net';
import { constants } from 'node:os';
import { errnoName } from '../base/errno.js';
import { AirplantError } from '../base/errors.js';
import { launcherPath, native } from '../native.js';
import { type LauncherReply, ReplyReader } from './launcher-reply.js';
import type { SandboxSpec } from './spec.js';

/** Whoever asked for a sandbox. After `failed`, or a reply of kind setup-failed, exited or lost, nothing more comes. */
export interface RunListener {
  reply(reply: LauncherReply): void;
  /** The launcher itself is gone. */
  failed(error: AirplantError): void;
}

/**
 * The launcher of this process, started when first needed and again after it has died. While no sandbox runs it
 * does not keep the process alive.
 */
export function currentLauncher(): Launcher {
  current ??= new Launcher(() => {
    current = undefined;
  });
  return current;
}

let current: Launcher | undefined;

export class Launcher {
  readonly #pid: number;
  readonly #control: number;
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #listeners = new Map<number, RunListener>();
  readonly #onDeath: () => void;
  #lastRun = 0;
  #failure: AirplantError | undefined;
  #dead = false;

  constructor(onDeath: () => void) {
    const { pid, control } = native.startLauncher(launcherPath);
    this.#pid = pid;
    this.#control = control;
    this.#onDeath = onDeath;
    this.#socket = new Socket({ fd: control, readable: true, writable: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', () => {}); // followed by 'close'
    this.#socket.on('close', () => this.#die());
    this.#socket.unref();
  }

  /** Asks for a sandbox; its number, for `kill`. Throws when the spec is malformed. */
  launch(spec: SandboxSpec, stdio: readonly number[], listener: RunListener): number {
    const run = ++this.#lastRun;
    native.sendLaunch(this.#control, run, spec, stdio);
    if (this.#listeners.size === 0) this.#socket.ref();
    this.#listeners.set(run, listener);
    return run;
  }

  /** Has a directory removed if this process dies before the returned function is called. */
  guard(path: string): () => void {
    const guard = ++this.#lastRun;
    native.sendGuard(this.#control, guard, path);
    return () => {
      if (!this.#dead) native.sendUnguard(this.#control, guard);
    };
  }

  kill(run: number): void {
    if (this.#listeners.has(run)) native.sendKill(this.#control, run);
  }

  #receive(chunk: Buffer): void {
    for (const reply of this.#reader.push(chunk)) this.#dispatch(reply);
  }

  #dispatch(reply: LauncherReply): void {
    if (reply.kind === 'launcher-failed') {
      this.#failure = new AirplantError(
        'ERR_NATIVE_MISSING',
        `${launcherPath} cannot be executed: ${errnoName(reply.errno)}`,
      );
      return;
    }
    const listener = this.#listeners.get(reply.run);
    if (reply.kind !== 'started') this.#forget(reply.run);
    listener?.reply(reply);
  }

  #forget(run: number): void {
    this.#listeners.delete(run);
    if (this.#listeners.size === 0) this.#socket.unref();
  }

  #die(): void {
    this.#dead = true;
    this.#onDeath();
    const end = describeEnd(this.#pid);
    const failure =
      this.#failure ??
      new AirplantError('ERR_SYSTEM', `the sandbox launcher ${end}`, {
        hint: 'Its sandboxes ended with it; the next one starts a new launcher.',
      });
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.failed(failure);
  }
}

function describeEnd(pid: number): string {
  let waitStatus: number;
  try {
    waitStatus = native.reapLauncher(pid);
  } catch {
    return 'ended, and somebody else has its status';
  }
  const signal = waitStatus & 0x7f;
  if (signal === 0) return `exited with status ${waitStatus >> 8}`;
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return `was killed by ${name ?? `signal ${signal}`}`;
}
