import { temporaryDirectory } from '../temporary-directory.js';
import { runToEnd } from './hook-process.js';
import { HookStreams, mostOutput } from './hook-streams.js';
import type { PreBuildHook } from './pre-build-hook.js';

/** One run of a pre-build hook. */
export interface HookRun {
  readonly hook: PreBuildHook;
  readonly args: readonly string[];
  /** For its standard input; it need not read it. */
  readonly input: string;
  readonly signal: AbortSignal;
  /** Gets its standard error as it comes. A promise holds the hook back; if it rejects, the hook is stopped and fails so. */
  readonly onError: (chunk: Uint8Array) => Promise<void> | undefined;
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

/**
 * Runs a pre-build hook to its end (`runToEnd`) and gives what it printed. It has a temporary directory of its own,
 * which is also its working directory and gone afterwards.
 *
 * Throws ERR_HOOK, ERR_ABORTED or what `onError` rejects with.
 */
export async function runHook({ hook, args, input, signal, onError }: HookRun): Promise<Buffer> {
  await using temporary = await temporaryDirectory('airplant-hook');
  const { path: cwd } = temporary;
  const lost = new AbortController();
  const passedOn: Promise<void>[] = [];
  const passOn = (chunk: Uint8Array) => {
    if (lost.signal.aborted) return undefined;
    const held = onError(chunk)?.catch((error) => lost.abort(error));
    if (held) passedOn.push(held);
    return held;
  };
  const run = { ...hook, args, env: environment(cwd), cwd, signal: AbortSignal.any([signal, lost.signal]) };
  let streams: HookStreams | undefined;
  try {
    await runToEnd({ ...run, kind: 'pre-build hook' }, (stop) => {
      const onTooMuch = (stream: string) =>
        stop(`wrote more than ${mostOutput} bytes to its standard ${stream}`);
      streams = new HookStreams(input, { onError: passOn, onTooMuch });
      return streams;
    });
    await Promise.all(passedOn);
  } catch (error) {
    throw lost.signal.aborted && !signal.aborted ? lost.signal.reason : error;
  }
  if (lost.signal.aborted) throw lost.signal.reason;
  return streams!.printed();
}

function environment(directory: string): Record<string, string> {
  const inherited = inheritedVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), TMPDIR: directory, TMP: directory, TEMP: directory };
}
