import { Socket } from 'node:net';
import { constants } from 'node:os';
import { errnoName } from '../base/errno.js';
import { AirplantError, isAirplantError } from '../base/errors.js';
import { launcherPath, native } from '../native.js';
import { type LauncherReply, ReplyReader } from './launcher-reply.js';
import type { IdMaps, SandboxSpec } from './spec.js';

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

/** Something to be sent; `run` is the sandbox it asks for. */
interface Request {
  readonly run?: number;
  post(): void;
}

export class Launcher {
  readonly #pid: number;
  readonly #control: number;
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #listeners = new Map<number, RunListener>();
  readonly #onDeath: () => void;
  readonly #outbox: Request[] = [];
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

  /** Asks for a sandbox; its number, for `kill`. Throws ERR_SANDBOX_SPEC when the spec is malformed. */
  launch(spec: SandboxSpec, stdio: readonly number[], listener: RunListener): number {
    return this.#start(listener, (run) => native.sendLaunch(this.#control, run, spec, stdio));
  }

  /** Asks for everything in a directory to become the caller's; it ends like a sandbox. */
  takeBack(directory: string, idMaps: IdMaps, listener: RunListener): void {
    this.#start(listener, (run) => native.sendTakeBack(this.#control, run, idMaps, directory));
  }

  #start(listener: RunListener, post: (run: number) => void): number {
    const run = ++this.#lastRun;
    this.#listeners.set(run, listener);
    this.#socket.ref();
    try {
      this.#send({ run, post: () => post(run) });
    } catch (error) {
      this.#forget(run);
      throw specError(error);
    }
    return run;
  }

  /** Has a directory removed if this process dies before the returned function is called. */
  guard(path: string): () => void {
    const guard = ++this.#lastRun;
    this.#send({ post: () => native.sendGuard(this.#control, guard, path) });
    return () => this.#send({ post: () => native.sendUnguard(this.#control, guard) });
  }

  kill(run: number): void {
    if (this.#listeners.has(run)) this.#send({ post: () => native.sendKill(this.#control, run) });
  }

  /** Asks everything in the sandbox to end (SIGTERM). */
  terminate(run: number): void {
    if (this.#listeners.has(run)) this.#send({ post: () => native.sendTerminate(this.#control, run) });
  }

  /**
   * Requests wait here, in order, while the launcher is too busy to read: its socket holds a few hundred. Throws what
   * is wrong with the request itself, if it need not wait.
   */
  #send(request: Request): void {
    if (this.#outbox.length > 0 || !this.#post(request)) this.#queue(request);
  }

  #queue(request: Request): void {
    this.#outbox.push(request);
    if (this.#outbox.length === 1) setTimeout(() => this.#flush(), 1);
  }

  #flush(): void {
    while (this.#outbox.length > 0) {
      const request = this.#outbox[0]!;
      try {
        if (!this.#post(request)) break;
      } catch (error) {
        this.#refuse(request, error);
      }
      this.#outbox.shift();
    }
    if (this.#outbox.length > 0) setTimeout(() => this.#flush(), 1);
  }

  /** False if the socket is full. A launcher that is gone takes everything: whoever waits hears of it from `#die`. */
  #post({ post }: Request): boolean {
    // Destroyed a little before `#die`: its number may be another file's by now.
    if (this.#dead || this.#socket.destroyed) return true;
    try {
      post();
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN' || code === 'ETOOMANYREFS') return false;
      if (code === 'EPIPE' || code === 'ECONNRESET') return true;
      throw error;
    }
  }

  /** Nobody is there any more to throw to. */
  #refuse({ run }: Request, error: unknown): void {
    if (run === undefined) return;
    const listener = this.#listeners.get(run);
    this.#forget(run);
    const reason = error instanceof Error ? error.message : String(error);
    const known = specError(error);
    listener?.failed(
      isAirplantError(known)
        ? known
        : new AirplantError('ERR_SYSTEM', `the launcher was not given a sandbox: ${reason}`, {
            cause: error,
          }),
    );
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

/** What the addon finds wrong with a spec is a TypeError that names the field. */
function specError(error: unknown): unknown {
  if (!(error instanceof TypeError)) return error;
  return new AirplantError('ERR_SANDBOX_SPEC', error.message, { cause: error });
}
