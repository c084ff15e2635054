import { realpathSync } from 'node:fs';
import { isAirplantError } from '../../base/errors.js';
import { findProgram } from '../../base/find-program.js';
import { decodeText } from '../../base/text.js';
import { killAtOnce } from '../../sandbox/launch.js';
import { planLinuxReader, type ReaderSealing } from '../../sandbox/linux-reader.js';
import type { SandboxSpec } from '../../sandbox/spec.js';
import { hookSpec, launchWith } from '../hook/hook-process.js';
import { HookStreams, mostOutput } from '../hook/hook-streams.js';
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
  /** It is run in a sandbox, made so. Absent: as a hook, with the rights of the caller. */
  readonly sealing?: ReaderSealing | undefined;
}

/**
 * Lets diffoscope compare two paths of the host; undefined where there is none that the caller may run. It runs many other
 * programs, each as good as its parser, on what builders have written: so it is given nothing but these in a sandbox
 * (`planLinuxReader`). Without one it is for outputs of builders that one would run as oneself.
 *
 * Everything it has started is gone afterwards, also if this process is killed. Throws the signal's reason.
 */
export async function runDiffoscope(
  a: string,
  b: string,
  { timeoutSeconds = 300, signal, program = 'diffoscope', sealing }: DiffoscopeOptions = {},
): Promise<DiffoscopeResult | undefined> {
  signal?.throwIfAborted();
  const found = findProgram(program, process.env['PATH'] ?? '');
  if (found === undefined) return undefined;
  await using temporary = sealing ? undefined : await temporaryDirectory('airplant-diffoscope');
  const stop = new AbortController();
  let cut: 'timeout' | 'too-long' | undefined;
  const cutOff = (why: typeof cut) => {
    cut ??= why;
    stop.abort(killAtOnce);
  };
  const streams = new HookStreams('', {
    onError: () => undefined,
    onTooMuch: () => cutOff('too-long'),
  });
  const timer = setTimeout(() => cutOff('timeout'), timeoutSeconds * 1000);
  const args = [...fixedArguments, '--', a, b];
  const spec = temporary
    ? unsealedSpec(found, args, temporary.path)
    : sealedSpec(found, args, { paths: [a, b], ...sealing! });
  try {
    const exit = await launchWith(
      spec,
      streams,
      signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
    );
    await streams.finish();
    signal?.throwIfAborted();
    const text = decodeText(streams.printed());
    if (cut !== undefined) return { text, outcome: cut };
    if (exit.kind === 'exited' && exit.status === 0) return { text, outcome: 'same' };
    if (exit.kind === 'exited' && exit.status === 1) return { text, outcome: 'differs' };
    return { text: streams.said(), outcome: 'failed' };
  } catch (error) {
    signal?.throwIfAborted();
    if (cut !== undefined) return { text: '', outcome: cut };
    if (!isAirplantError(error)) throw error;
    if (error.details['step'] !== 'exec') return { text: error.message, outcome: 'failed' };
    return { text: `${found} cannot be executed: ${error.details['errno']}`, outcome: 'failed' };
  } finally {
    clearTimeout(timer);
    streams.close();
  }
}

const fixedArguments: readonly string[] = [
  '--no-progress',
  `--max-text-report-size=${mostOutput}`,
  '--max-diff-block-lines=200',
  '--exclude-directory-metadata=yes',
  '--text=-',
];

function unsealedSpec(program: string, args: readonly string[], temporary: string): SandboxSpec {
  const env = { ...environment(), HOME: temporary, TMPDIR: temporary };
  return hookSpec({ program, args, env, cwd: temporary });
}

/** In the sandbox its directory is not seen, and symlinks to it would lead nowhere. */
function sealedSpec(
  found: string,
  args: readonly string[],
  where: ReaderSealing & { readonly paths: readonly string[] },
): SandboxSpec {
  const program = realpathSync.native(found);
  return planLinuxReader({ program, argv: [program, ...args], env: environment(), ...where });
}

function environment(): Record<string, string> {
  const path = process.env['PATH'];
  return { ...(path === undefined ? {} : { PATH: path }), LC_ALL: 'C.UTF-8' };
}
