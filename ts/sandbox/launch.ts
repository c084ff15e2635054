import { Deferred } from '../base/deferred.js';
import { errnoName } from '../base/errno.js';
import { AirplantError } from '../base/errors.js';
import { Semaphore } from '../base/semaphore.js';
import { probeHost } from '../doctor/probe.js';
import { AttemptPipe, type AttemptSink } from './attempt-pipe.js';
import { currentLauncher } from './launcher.js';
import type { LauncherReply } from './launcher-reply.js';
import { type LogSink, LogTerminal } from './log-terminal.js';
import { setupError } from './setup-failure.js';
import type { SandboxExit, SandboxSetupFailure, SandboxSpec } from './spec.js';

export interface LaunchOptions {
  readonly onLog?: LogSink | undefined;
  /**
   * `log` (the default): standard output and error are a terminal in raw mode that `onLog` reads, standard input is
   * /dev/null. `inherit`: all three are this process's own. Or three descriptors, to stay open until this is settled.
   */
  readonly stdio?: 'log' | 'inherit' | readonly [number, number, number] | undefined;
  /** What an observed sandbox (`spec.observed`) tries; with `stdio` `log` only. All has been told before `exit` resolves. */
  readonly onAttempt?: AttemptSink | undefined;
  /** Ends the sandbox: SIGTERM to all its processes, and after `graceSeconds` SIGKILL. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Default 0: killed at once. A `signal` whose reason is `killAtOnce` takes no grace, and neither does a sandbox whose
   * command does not run yet: there is nobody to ask.
   */
  readonly graceSeconds?: number | undefined;
}

export interface RunningSandbox {
  /** The host's number of process 1 of the sandbox (of the command, where processes are not private). */
  readonly pid: number;
  /**
   * Resolves when every process of the sandbox is dead and `onLog` has had all output. Rejects only if the launcher was
   * killed.
   */
  readonly exit: Promise<SandboxExit>;
  /** Kills everything in the sandbox; `exit` becomes `killed`. Harmless after the end. */
  kill(): void;
}

/** Reason of an abort after which nothing more is wanted of the builder, not even its cleaning up. */
export const killAtOnce: unique symbol = Symbol('kill at once');

/**
 * Starts the command of `spec` in its sandbox, and resolves as soon as it runs.
 *
 * Throws ERR_SANDBOX_SETUP, ERR_BUILDER_MISSING or ERR_BUILDER_EXEC (details: step, errno, path) when it cannot, ERR_ABORTED
 * when `signal` came first, ERR_SYSTEM when the launcher died, ERR_SANDBOX_SPEC, which names the field, for a malformed spec;
 * nothing is left running then.
 */
export async function launchSandbox(spec: SandboxSpec, options: LaunchOptions = {}): Promise<RunningSandbox> {
  const { signal } = options;
  const release = await setupSlot(signal);
  if (signal?.aborted) {
    // An event that is past is told to nobody.
    release();
    throw aborted(signal);
  }
  let run: Run | undefined;
  const kill = () => run?.kill();
  const end = () => run?.end(signal?.reason === killAtOnce ? 0 : (options.graceSeconds ?? 0));
  try {
    run = new Run(spec, options);
    signal?.addEventListener('abort', end, { once: true });
    run.exit.catch(() => {}).finally(() => signal?.removeEventListener('abort', end));
    return { pid: await run.started, exit: run.exit, kill };
  } catch (error) {
    throw signal?.aborted ? aborted(signal) : error;
  } finally {
    release();
  }
}

/**
 * Requests wait here rather than in the socket to the launcher, whose buffer, like the number of descriptors in
 * flight, is limited.
 */
const setups = new Semaphore(16);

async function setupSlot(signal: AbortSignal | undefined): Promise<() => void> {
  try {
    return await setups.acquire(signal);
  } catch {
    throw aborted(signal!);
  }
}

function aborted(signal: AbortSignal): AirplantError {
  return new AirplantError('ERR_ABORTED', 'the sandbox was cancelled before it started', {
    cause: signal.reason,
  });
}

/** One sandbox: what the launcher says of it, as two promises. */
class Run {
  readonly #launcher = currentLauncher();
  readonly #number: number;
  readonly #log: LogTerminal | undefined;
  readonly #attempts: AttemptPipe | undefined;
  readonly #started = new Deferred<number>();
  readonly #exit = new Deferred<SandboxExit>();
  #grace: NodeJS.Timeout | undefined;
  #running = false;

  constructor(spec: SandboxSpec, options: LaunchOptions) {
    const { stdio = 'log' } = options;
    this.#log = stdio === 'log' ? new LogTerminal(options.onLog) : undefined;
    this.#attempts = options.onAttempt ? new AttemptPipe(options.onAttempt) : undefined;
    // Nobody need listen to the one that comes to nothing.
    this.exit.catch(() => {});
    this.started.catch(() => {});
    try {
      const others = stdio === 'log' || stdio === 'inherit' ? [0, 1, 2] : stdio;
      const attempts = this.#attempts ? [this.#attempts.write] : [];
      this.#number = this.#launcher.launch(spec, this.#log ? [this.#log.slave, ...attempts] : others, {
        reply: (reply) => this.#onReply(reply),
        failed: (error) => this.#fail(error),
      });
      this.#log?.read();
    } catch (error) {
      this.#log?.close();
      this.#attempts?.close();
      throw error;
    }
  }

  get started(): Promise<number> {
    return this.#started.promise;
  }

  get exit(): Promise<SandboxExit> {
    return this.#exit.promise;
  }

  kill(): void {
    this.#launcher.kill(this.#number);
  }

  /** SIGTERM, and SIGKILL for what is left after `graceSeconds`. */
  end(graceSeconds: number): void {
    if (graceSeconds === 0 || !this.#running) {
      this.kill();
      return;
    }
    this.#launcher.terminate(this.#number);
    this.#grace = setTimeout(() => this.kill(), graceSeconds * 1000);
  }

  #onReply(reply: LauncherReply): void {
    if (reply.kind !== 'started') clearTimeout(this.#grace);
    this.#attempts?.giveAway();
    switch (reply.kind) {
      case 'started':
        this.#running = true;
        this.#started.resolve(reply.pid);
        break;
      case 'setup-failed':
        this.#explainFailure({ ...reply, errno: errnoName(reply.errno) });
        break;
      case 'exited':
        this.#log?.finish();
        // In order: what has been tried was tried before the end.
        void (this.#attempts?.end ?? Promise.resolve()).then(() => this.#exit.resolve(toExit(reply)));
        break;
      default:
        this.#fail(
          new AirplantError('ERR_SYSTEM', 'the supervisor of the sandbox was killed from outside', {
            hint: 'The kernel does that when memory runs out; see `dmesg`.',
          }),
        );
    }
  }

  async #explainFailure(failure: SandboxSetupFailure): Promise<void> {
    this.#fail(setupError(failure, await probeHost()));
  }

  #fail(error: AirplantError): void {
    clearTimeout(this.#grace);
    this.#log?.close();
    this.#attempts?.close();
    this.#started.reject(error);
    this.#exit.reject(error);
  }
}

function toExit(reply: Extract<LauncherReply, { kind: 'exited' }>): SandboxExit {
  const { ending, value, usage } = reply;
  if (ending === 'exited') return { kind: 'exited', status: value, usage };
  if (ending === 'signalled') return { kind: 'signalled', signal: value, usage };
  return { kind: ending, usage };
}
