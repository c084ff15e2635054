import { quote } from '../../base/quote.js';
import { compareText } from '../../base/text.js';
import { completeHostPaths, type VisibleHost } from '../../sandbox/visible-paths.js';
import type { BuildRequest } from '../records.js';
import { hookError } from './hook-error.js';
import { type HookReply, parseHookReply } from './hook-reply.js';
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
  /** Host directory that will be `/` of the sandbox. Nothing is mounted yet, and nothing in it is ours. None: the builder works in place. */
  readonly root: string | undefined;
  readonly visibleHost: VisibleHost;
  readonly signal: AbortSignal;
  /** What the hook writes to its standard error, as it comes. A promise holds it back; if it rejects, the hook fails so. */
  readonly onError: (chunk: Uint8Array) => Promise<void> | undefined;
}

/**
 * Runs the pre-build hook and makes what it asks for part of the request. What it put into `root` is there already.
 *
 * Throws ERR_HOOK, naming the hook and what it wrote to standard error, when it fails, takes too long, prints too much
 * or something unknown, refuses the build, or asks for what no build outside the sandbox can be given; ERR_SANDBOX_PATH
 * for a path that cannot be shown; ERR_ABORTED; what `onError` rejects with. No process of the hook's is left in any case, see `runHook`.
 */
export async function applyPreBuildHook(
  request: BuildRequest,
  hook: PreBuildHook,
  build: HookedBuild,
): Promise<BuildRequest> {
  const { drvPath, root, visibleHost, signal, onError } = build;
  const input = describeRequest(request, { drvPath, root, store: visibleHost });
  const args = root === undefined ? [drvPath] : [drvPath, root];
  const output = await runHook({ hook, args, input, signal, onError });
  const reply = parseHookReply(output, hook.program);
  if (reply.refusal !== undefined) {
    throw hookError(hook.program, `refuses to build '${drvPath}'`, { said: reply.refusal });
  }
  if (request.unsealed) refuseWishes(reply, drvPath, hook.program);
  return {
    ...request,
    env: changeEnvironment(request.env, reply.environment),
    limits: { ...request.limits, ...reply.limits },
    network: reply.network ?? request.network,
    hostPaths: await completeHostPaths(reply.paths, visibleHost, { given: request.hostPaths, signal }),
  };
}

/** A builder outside the sandbox sees this machine as it is; whoever asks for less or more would get neither. */
function refuseWishes({ paths, network }: HookReply, drvPath: string, program: string): void {
  const [path] = paths;
  if (path === undefined && network === undefined) return;
  const wish = path === undefined ? `the network ${quote(network!)}` : `the path ${quote(path.target)}`;
  throw hookError(
    program,
    `asked for ${wish} in '${drvPath}', which is built outside the sandbox and sees this machine as it is`,
  );
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
