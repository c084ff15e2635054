import type { FinishedBuild } from './hook/post-build-hook.js';
import type { MakeContext } from './make-outputs.js';

/** Runs the post-build hook, if there is one. Throws ERR_HOOK or ERR_ABORTED. */
export async function afterBuild(
  built: FinishedBuild,
  { options, emit, signal }: Pick<MakeContext, 'options' | 'emit' | 'signal'>,
): Promise<void> {
  if (!options.postBuildHook) return;
  const { runPostBuildHook } = await import('./hook/post-build-hook.js');
  await runPostBuildHook(options.postBuildHook, built, { emit, signal });
}
