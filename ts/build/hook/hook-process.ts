import { accessSync, constants, statSync } from 'node:fs';
import { AirplantError, isAirplantError } from '../../base/errors.js';
import { planHook } from '../../sandbox/fallback.js';
import { launchSandbox } from '../../sandbox/launch.js';
import type { SandboxExit, SandboxSpec } from '../../sandbox/spec.js';
import { signalName } from '../outcome.js';
import { type HookKind, hookError } from './hook-error.js';

/** A program of the caller's that is run beside a build. */
export interface HookProcess {
  readonly kind: HookKind;
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** 0 = no limit. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** What it reads and writes. */
export interface HookIo {
  /** Its standard input, output and error. */
  readonly theirs: readonly [number, number, number];
  /** To be called once the hook has its ends. */
  start(): void;
  /** Resolves when all that was written has been read, or the signal came; the hook has ended. */
  finish(signal: AbortSignal): Promise<void>;
  /** To be called when the hook has its ends, or will never have them. */
  closeTheirs(): void;
  close(): void;
  /** The last of what it complained of, for the error that tells how it ended. */
  said(): string;
}

/**
 * Runs a hook to its end. It has a session of its own, and everything it has started is gone afterwards: on Linux
 * whatever it did to leave, on macOS what stayed in its process group. `open` gets what stops it with an error.
 *
 * Throws ERR_HOOK or ERR_ABORTED, unless it ended well.
 */
export async function runToEnd(
  process: HookProcess,
  open: (stop: (what: string) => void) => HookIo,
): Promise<void> {
  const { kind, program, timeoutSeconds, signal } = process;
  requireExecutable(process);
  if (signal.aborted) throw aborted(process);
  const stop = new AbortController();
  const fail = (what: string) => stop.abort(hookError(program, what, { kind, said: io.said() }));
  const io = open(fail);
  const timer =
    timeoutSeconds === 0
      ? undefined
      : setTimeout(
          () => fail(`did not end within ${timeoutSeconds} seconds`),
          Math.min(timeoutSeconds * 1000, longestTimer),
        );
  try {
    const exit = await launchWith(hookSpec(process), io, AbortSignal.any([signal, stop.signal]));
    await io.finish(signal);
    if (signal.aborted) throw aborted(process);
    // Also where it ended just before it could be killed for that.
    if (stop.signal.aborted) throw stop.signal.reason;
    if (exit.kind !== 'exited' || exit.status !== 0) throw failure(process, exit, io.said());
  } catch (error) {
    if (signal.aborted) throw aborted(process);
    if (stop.signal.aborted) throw stop.signal.reason;
    throw isAirplantError(error) && error.details['step'] === 'exec'
      ? hookError(program, `cannot be executed: ${error.details['errno']}`, { kind })
      : error;
  } finally {
    clearTimeout(timer);
    io.close();
  }
}

/** A program of the caller's as a hook: with all his rights, and ended with all that it has started. */
export function hookSpec({
  program,
  args,
  env,
  cwd,
}: Pick<HookProcess, 'program' | 'args' | 'env' | 'cwd'>): SandboxSpec {
  const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const argv = [program, ...args];
  const command = { path: program, argv, env: Object.entries(env), cwd, umask: process.umask() };
  return planHook(command, ids);
}

/**
 * Launches a program, and resolves when it and all that it has started are gone. Neither outlives this process. Throws
 * what `launchSandbox` throws.
 */
export async function launchWith(
  spec: SandboxSpec,
  io: Pick<HookIo, 'theirs' | 'start' | 'closeTheirs'>,
  signal: AbortSignal,
): Promise<SandboxExit> {
  try {
    const running = await launchSandbox(spec, { signal, stdio: io.theirs });
    io.start();
    return await running.exit;
  } finally {
    io.closeTheirs();
  }
}

/** setTimeout takes no more. */
const longestTimer = 2 ** 31 - 1;

/** Throws ERR_HOOK if a hook is none, or may not be executed. */
export function requireExecutable({ kind, program }: Pick<HookProcess, 'kind' | 'program'>): void {
  try {
    if (!statSync(program).isFile()) throw hookError(program, 'is not a file', { kind });
    accessSync(program, constants.X_OK);
  } catch (error) {
    if (error instanceof AirplantError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be executed: ${code}`;
    throw hookError(program, what, { kind });
  }
}

/** In Nix's words, which scripts may look for. */
function failure({ kind, program }: HookProcess, exit: SandboxExit, said: string): AirplantError {
  if (exit.kind === 'exited') {
    const how = `failed: program '${program}' failed with exit code ${exit.status}`;
    return hookError(program, how, { kind, said });
  }
  const signal = exit.kind === 'signalled' ? exit.signal : 9;
  const how = `due to signal ${signal} (${signalName(signal)})`;
  return hookError(program, `failed: program '${program}' failed ${how}`, { kind, said });
}

function aborted({ kind, program, signal }: HookProcess): AirplantError {
  return new AirplantError('ERR_ABORTED', `the ${kind} '${program}' was stopped`, { cause: signal.reason });
}
