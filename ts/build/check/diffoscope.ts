import { execa } from 'execa';
import { decodeText } from '../../base/text.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** What diffoscope says of two files or trees. */
export interface DiffoscopeResult {
  /** Its report as text, of at most `mostOutput` bytes. It quotes what builders wrote: escape it. */
  readonly text: string;
  /** `differs` or `same` as it says itself; otherwise why there is no more of it. */
  readonly outcome: 'differs' | 'same' | 'timeout' | 'too-long' | 'failed';
}

export interface DiffoscopeOptions {
  /** Default 300. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
  /** Default `diffoscope`, looked for in PATH. */
  readonly program?: string;
}

export const mostOutput: number = 1024 * 1024;

/**
 * Lets diffoscope compare two paths; undefined where there is none that the caller may run. It runs many other programs
 * on what builders have written, with the rights of the caller: so it is for outputs of builders that one would run as
 * oneself.
 *
 * It has a process group and a temporary directory of its own, both gone afterwards. Throws the signal's reason.
 */
export async function runDiffoscope(
  a: string,
  b: string,
  { timeoutSeconds = 300, signal, program = 'diffoscope' }: DiffoscopeOptions = {},
): Promise<DiffoscopeResult | undefined> {
  signal?.throwIfAborted();
  await using temporary = await temporaryDirectory('airplant-diffoscope');
  const subprocess = execa(program, [...fixedArguments, '--', a, b], {
    cwd: temporary.path,
    env: environment(temporary.path),
    extendEnv: false,
    stdin: 'ignore',
    encoding: 'buffer',
    maxBuffer: mostOutput,
    timeout: timeoutSeconds * 1000,
    ...(signal ? { cancelSignal: signal } : {}),
    killSignal: 'SIGKILL',
    detached: true,
    reject: false,
    stripFinalNewline: false,
  });
  // What it has started holds its pipes open, and goes with it.
  const { pid } = subprocess;
  subprocess.once('exit', () => killGroup(pid));
  const result = await subprocess;
  signal?.throwIfAborted();
  // EACCES: it was not found, and a directory of PATH cannot be searched.
  if (result.code === 'ENOENT' || result.code === 'EACCES') return undefined;
  const text = decodeText(result.stdout);
  if (result.timedOut) return { text, outcome: 'timeout' };
  if (result.isMaxBuffer) return { text, outcome: 'too-long' };
  if (result.exitCode === 0) return { text, outcome: 'same' };
  if (result.exitCode === 1) return { text, outcome: 'differs' };
  return { text: decodeText(result.stderr), outcome: 'failed' };
}

const fixedArguments: readonly string[] = [
  '--no-progress',
  `--max-text-report-size=${mostOutput}`,
  '--max-diff-block-lines=200',
  '--exclude-directory-metadata=yes',
  '--text=-',
];

function environment(temporary: string): Record<string, string> {
  const path = process.env['PATH'];
  return {
    ...(path === undefined ? {} : { PATH: path }),
    HOME: temporary,
    TMPDIR: temporary,
    LC_ALL: 'C.UTF-8',
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
