import { compareText } from '../../base/text.js';
import { completeHostPaths, type VisibleHost } from '../../sandbox/visible-paths.js';
import type { BuildRequest } from '../records.js';
import { hookError, parseHookReply } from './hook-reply.js';
import { describeRequest } from './hook-request.js';
import { runHook } from './run-hook.js';

/** The setting: which program, and how long it may take. */
export interface PreBuildHook {
  /** Absolute path. */
  readonly program: string;
  /** 0 = no limit. */
  readonly timeoutSeconds: number;
}

/** One build that is about to begin. */
export interface HookedBuild {
  readonly drvPath: string;
  /** Host directory that will be `/` of the sandbox. Nothing is mounted yet, and nothing in it is ours. */
  readonly root: string;
  readonly visibleHost: VisibleHost;
  readonly signal: AbortSignal;
  /** What the hook writes to its standard error, as it comes. */
  readonly onError: (chunk: Uint8Array) => void;
}

/**
 * Runs the pre-build hook and makes what it asks for part of the request. What it put into `root` is there already.
 *
 * Throws ERR_HOOK, naming the hook and what it wrote to standard error, when it fails, takes too long, prints too much
 * or something unknown, or refuses the build; ERR_SANDBOX_PATH for a path that cannot be shown; ERR_ABORTED. No process
 * of its process group is left in any case.
 */
export async function applyPreBuildHook(
  request: BuildRequest,
  hook: PreBuildHook,
  build: HookedBuild,
): Promise<BuildRequest> {
  const { drvPath, root, visibleHost, signal, onError } = build;
  const input = describeRequest(request, { drvPath, root, store: visibleHost });
  const output = await runHook({ hook, args: [drvPath, root], input, signal, onError });
  const reply = parseHookReply(output, hook.program);
  if (reply.refusal !== undefined) {
    throw hookError(hook.program, `refuses to build '${drvPath}'`, reply.refusal);
  }
  return {
    ...request,
    env: changeEnvironment(request.env, reply.environment),
    limits: { ...request.limits, ...reply.limits },
    network: reply.network ?? request.network,
    hostPaths: await completeHostPaths(reply.paths, visibleHost, request.hostPaths),
  };
}

function changeEnvironment(
  env: BuildRequest['env'],
  changes: ReadonlyMap<string, string | null>,
): BuildRequest['env'] {
  const changed = new Map(env);
  for (const [name, value] of changes) {
    if (value === null) changed.delete(name);
    else changed.set(name, value);
  }
  return [...changed].sort(([a], [b]) => compareText(a, b));
}
