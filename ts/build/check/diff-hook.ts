import { isAirplantError } from '../../base/errors.js';
import { requireExecutable, runToEnd } from '../hook/hook-process.js';
import { MergedOutput } from '../hook/merged-output.js';
import { temporaryDirectory } from '../temporary-directory.js';

export interface DiffJob {
  /** Host path of the output in the store, and of what was made instead. */
  readonly registered: string;
  readonly made: string;
  readonly drvPath: string;
  readonly signal: AbortSignal;
}

/** Nobody reads more than that of a comparison, in bytes. */
const longestText = 4 * 1024 * 1024;

/**
 * Runs the diff hook, an absolute path, on an output and what was made instead of it. As Nix does: in `/`, with the
 * caller's environment, and both paths, the derivation and a temporary directory (removed afterwards) as arguments.
 * Gives what it printed; a hook that fails says so in `failure`, a sentence. What it leaves running is killed.
 *
 * Throws ERR_ABORTED.
 */
export async function runDiffHook(
  program: string,
  { registered, made, drvPath, signal }: DiffJob,
): Promise<{ readonly text: string; readonly failure?: string }> {
  await using temporary = await temporaryDirectory('airplant-diff');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const text = () =>
    Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  const run = {
    kind: 'diff hook',
    program,
    args: [registered, made, drvPath, temporary.path],
    env: callersEnvironment(),
    cwd: '/',
    timeoutSeconds: 0,
    signal,
  } as const;
  try {
    await runToEnd(run, (stop) => {
      return new MergedOutput((chunk) => {
        size += chunk.length;
        if (size > longestText) stop(`wrote more than ${longestText} bytes`);
        else chunks.push(chunk);
        return undefined;
      });
    });
    return { text: text() };
  } catch (error) {
    if (!isAirplantError(error, 'ERR_HOOK')) throw error;
    return { text: text(), failure: `diff hook execution failed: ${error.message}` };
  }
}

/** Why the diff hook cannot be run, in a sentence, if it cannot. */
export function diffHookProblem(program: string): string | undefined {
  try {
    requireExecutable({ kind: 'diff hook', program });
    return undefined;
  } catch (error) {
    if (!isAirplantError(error, 'ERR_HOOK')) throw error;
    return error.message;
  }
}

function callersEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
