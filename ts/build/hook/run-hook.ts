import { accessSync, constants, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { execa, type Result } from 'execa';
import { dir } from 'tmp-promise';
import { AirplantError } from '../../base/errors.js';
import { decodeText } from '../../base/text.js';
import { hookError } from './hook-reply.js';
import type { PreBuildHook } from './pre-build-hook.js';

/** One run of a hook. */
export interface HookRun {
  readonly hook: PreBuildHook;
  readonly args: readonly string[];
  /** For its standard input; it need not read it. */
  readonly input: string;
  readonly signal: AbortSignal;
  readonly onError: (chunk: Uint8Array) => void;
}

/** Variables a hook inherits; whatever a derivation says is in its environment never gets here. */
export const inheritedVariables: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
];

/** Bytes a hook may print on either stream. */
export const mostOutput: number = 1024 * 1024;

/**
 * Runs a hook to its end and gives what it printed. It has a process group and a temporary directory of its own, which
 * is also its working directory; both are gone afterwards.
 *
 * Throws ERR_HOOK or ERR_ABORTED.
 */
export async function runHook(run: HookRun): Promise<Buffer> {
  const { program } = run.hook;
  requireExecutable(program);
  if (run.signal.aborted) throw aborted(program, run.signal);
  const temporary = await dir({ prefix: 'airplant-hook', unsafeCleanup: true, mode: 0o700 });
  try {
    return await execute(run, temporary.path);
  } finally {
    await temporary.cleanup();
  }
}

async function execute({ hook, args, input, signal, onError }: HookRun, directory: string): Promise<Buffer> {
  const { program, timeoutSeconds } = hook;
  const subprocess = execa(program, args, {
    cwd: directory,
    env: environment(directory),
    extendEnv: false,
    input,
    buffer: false,
    reject: false,
    // A session, and so a process group, of its own.
    detached: true,
  });
  let reason: (() => AirplantError) | undefined;
  const killGroup = () => {
    if (subprocess.pid === undefined) return;
    try {
      process.kill(-subprocess.pid, 'SIGKILL');
    } catch {
      // Nobody is left in it.
    }
  };
  const stop = (why: () => AirplantError) => {
    reason ??= why;
    killGroup();
  };
  const onAbort = () => stop(() => aborted(program, signal));
  signal.addEventListener('abort', onAbort, { once: true });
  const said = new Output();
  const tooMuch = (stream: string) => () =>
    stop(() =>
      hookError(program, `wrote more than ${mostOutput} bytes to its standard ${stream}`, said.end()),
    );
  const printed = new Output();
  printed.collect(subprocess.stdout, tooMuch('output'));
  said.collect(subprocess.stderr, tooMuch('error'), onError);
  const timer =
    timeoutSeconds === 0
      ? undefined
      : setTimeout(
          () => stop(() => hookError(program, `did not end within ${timeoutSeconds} seconds`, said.end())),
          Math.min(timeoutSeconds * 1000, longestTimer),
        );
  // Whatever it started in the background ends with it, and so the pipes do. What left its process group may hold them
  // open; nobody listens then.
  subprocess.once('exit', () => {
    killGroup();
    setTimeout(() => {
      subprocess.stdout.destroy();
      subprocess.stderr.destroy();
    }, grace).unref();
  });
  try {
    const result = await subprocess;
    if (reason) throw reason();
    if (result.exitCode === 0) return printed.whole();
    throw failure(program, result, said.end());
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Milliseconds for what is still in the pipes after the hook has ended. */
const grace = 1000;

/** setTimeout takes no more. */
const longestTimer = 2 ** 31 - 1;

function requireExecutable(program: string): void {
  try {
    if (!statSync(program).isFile()) throw hookError(program, 'is not a file');
    accessSync(program, constants.X_OK);
  } catch (error) {
    if (error instanceof AirplantError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw hookError(program, code === 'ENOENT' ? 'does not exist' : `cannot be executed: ${code}`);
  }
}

function environment(directory: string): Record<string, string> {
  const inherited = inheritedVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), TMPDIR: directory, TMP: directory, TEMP: directory };
}

/** In Nix's words, which scripts may look for. */
function failure(
  program: string,
  result: Pick<Result, 'exitCode' | 'signal' | 'code' | 'shortMessage'>,
  said: string,
): AirplantError {
  const { exitCode, signal, code } = result;
  if (exitCode !== undefined) {
    return hookError(program, `failed: program '${program}' failed with exit code ${exitCode}`, said);
  }
  if (signal !== undefined) {
    return hookError(program, `failed: program '${program}' failed due to signal ${signal}`, said);
  }
  return hookError(program, `cannot be executed: ${code ?? result.shortMessage}`);
}

function aborted(program: string, signal: AbortSignal): AirplantError {
  return new AirplantError('ERR_ABORTED', `the pre-build hook '${program}' was stopped`, {
    cause: signal.reason,
  });
}

/** What came out of one stream, as far as it may. */
class Output {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  collect(stream: Readable, tooMuch: () => void, onChunk?: (chunk: Uint8Array) => void): void {
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => {
      if (this.#size > mostOutput) return;
      this.#size += chunk.length;
      if (this.#size > mostOutput) return tooMuch();
      this.#chunks.push(chunk);
      onChunk?.(chunk);
    });
  }

  whole(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The last of it, as text. */
  end(): string {
    return decodeText(this.whole().subarray(-1000));
  }
}
