import type { EventSink } from '../../base/events.js';
import { findProgram } from '../../base/find-program.js';
import { hookError } from './hook-error.js';
import { runToEnd } from './hook-process.js';
import { MergedOutput } from './merged-output.js';

/** The setting: which program, how long it may take, and what it gets to see. */
export interface PostBuildHook {
  /** Absolute path, or a name that is looked up in `PATH`. */
  readonly program: string;
  /** 0 = no limit. */
  readonly timeoutSeconds: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Settings for a Nix that it runs, in the form of a nix.conf. */
  readonly nixConfig: string;
}

/** A build whose outputs are valid. */
export interface FinishedBuild {
  readonly drvPath: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Runs the post-build hook, as Nix does: in the caller's directory and environment, with `DRV_PATH`, `OUT_PATHS` and
 * `NIX_CONFIG`. What it writes is told as it comes. What it leaves running ends with it.
 *
 * Throws ERR_HOOK or ERR_ABORTED; the outputs are valid all the same.
 */
export async function runPostBuildHook(
  hook: PostBuildHook,
  { drvPath, outputs }: FinishedBuild,
  { emit, signal }: { readonly emit: EventSink; readonly signal: AbortSignal },
): Promise<void> {
  const kind = 'post-build hook';
  const { timeoutSeconds } = hook;
  const program = hook.program.includes('/')
    ? hook.program
    : findProgram(hook.program, hook.env['PATH'] ?? '');
  if (program === undefined) throw hookError(hook.program, 'is not in PATH', { kind });
  const env = environment(hook, { drvPath, outputs });
  emit({ type: 'post-build.started', drvPath, program: hook.program });
  const onChunk = (chunk: Uint8Array) => emit({ type: 'post-build.log', drvPath, chunk });
  try {
    const run = { kind, program, args: [], env, cwd: process.cwd(), timeoutSeconds, signal } as const;
    await runToEnd(run, () => new MergedOutput(onChunk));
  } finally {
    emit({ type: 'post-build.ended', drvPath });
  }
}

function environment(hook: PostBuildHook, { drvPath, outputs }: FinishedBuild): Record<string, string> {
  const inherited = Object.entries(hook.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    ...Object.fromEntries(inherited),
    DRV_PATH: drvPath,
    OUT_PATHS: Object.values(outputs).sort().join(' '),
    NIX_CONFIG: hook.nixConfig,
  };
}
