import { AirplantError } from '../base/errors.js';
import type { EventSink } from '../base/events.js';
import type { LocalStore } from '../store/local-store.js';
import { claimOutputs } from './claim.js';
import type { Executor, ExecutorJob, FinishedAttempt } from './executor.js';
import { inputClosure } from './inputs.js';
import type { JobSlot } from './job-slot.js';
import type { BuildOptions } from './options.js';
import { judge } from './outcome.js';
import { knownOutputs } from './plan.js';
import { prepareRequest } from './prepare-request.js';
import type { Attempt, BuildRequest, PlannedBuild } from './records.js';
import { registerSettled } from './register.js';
import { scratchOf } from './scratch.js';
import { refuseToOverwrite } from './sealing.js';
import { settleOutputs } from './settle.js';

/** What realising needs besides the derivation. */
export interface RealiseContext {
  readonly store: LocalStore;
  readonly options: BuildOptions;
  readonly executor: Executor;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** Held; given back while somebody else builds the same. */
  readonly slot: JobSlot;
  /** Called as soon as the outputs are valid: what depends on them need not wait until all is tidied up. */
  readonly onValid?: ((realised: Realised) => void) | undefined;
}

/** What came of one derivation: the paths of its outputs, and how they were built unless another process made them. */
export interface Realised {
  readonly outputs: Readonly<Record<string, string>>;
  readonly built?: {
    readonly attempt: Attempt;
    /** From when nothing had to be waited for any more. */
    readonly milliseconds: number;
  };
}

/**
 * The story of one build: request → sandbox → attempt → settled → registered.
 *
 * When it resolves, all outputs are valid; when it rejects, nothing new is, unless `onValid` has been called and only
 * the tidying up failed. Of the sandbox nothing is left either way.
 * Other processes that want the same outputs (ours or Nix's) wait for the path locks and then find them made.
 */
export async function realise(planned: PlannedBuild, context: RealiseContext): Promise<Realised> {
  const { store, emit, signal } = context;
  const { drvPath, derivation } = planned;
  const outputs = outputPaths(planned);
  await store.addTempRoot(drvPath, ...Object.values(outputs));
  const { locks, missing } = await claimOutputs(planned, outputs, context);
  const began = Date.now();
  let valid = false;
  try {
    if (missing.length === 0) {
      valid = true;
      return { outputs };
    }
    const inputs = await inputClosure(drvPath, derivation, store);
    const { storeDir } = store.directories;
    const request = await prepareRequest({ drvPath, derivation, inputs }, storeDir, context.options);
    if (request.unsealed) refuseToOverwrite(planned, missing);

    await using finished = await runBuilder(planned, request, context);
    judge(drvPath, finished.attempt);

    emit({ type: 'build.settling', drvPath });
    const { privateDirectory } = finished;
    const { caseHack } = store;
    const job = { drvPath, derivation, request, missing, privateDirectory, signal, caseHack };
    const settled = await settleOutputs(job, finished.attempt, storeDir);
    signal.throwIfAborted();

    await registerSettled(settled, store);
    valid = true;
    const built = { attempt: finished.attempt, milliseconds: Date.now() - began };
    const realised = { outputs, built };
    context.onValid?.(realised);
    return realised;
  } finally {
    // As Nix: a lock file goes only once the outputs are valid, so that others re-check instead of racing.
    await locks.release({ delete: valid });
  }
}

/** Runs the builder in the executor, its output going to the log file and the event stream. */
async function runBuilder(
  { drvPath, derivation }: PlannedBuild,
  request: BuildRequest,
  { store, options, executor, emit, signal }: RealiseContext,
): Promise<FinishedAttempt> {
  emit({
    type: 'build.started',
    drvPath,
    name: derivation.name,
    outputs: request.outputs.map(({ scratchPath }) => scratchPath),
  });
  const log = options.keepBuildLog
    ? await store.logs.create(drvPath, { compress: options.compressBuildLog })
    : undefined;
  const onLog = (chunk: Uint8Array) => {
    const held = [log?.write(chunk), emit({ type: 'build.log', drvPath, chunk })].filter(
      (wait) => wait !== undefined,
    );
    return held.length > 0 ? Promise.all(held).then(() => undefined) : undefined;
  };
  const prepare = preparation(drvPath, request, options);
  const onWarning = (message: string) => void emit({ type: 'warning', message });
  const finished = await executor
    .run({ request, scratch: scratchOf(store.realPath(drvPath)), prepare }, { signal, onLog, onWarning })
    .catch(async (error) => {
      // What kept the builder from running is the thing to tell.
      await log?.close().catch(() => {});
      throw error;
    });
  try {
    await log?.close();
  } catch (error) {
    await finished[Symbol.asyncDispose]();
    throw error;
  }
  return finished;
}

/** The pre-build hook, if there is one; its standard error goes into the log. */
function preparation(
  drvPath: string,
  request: BuildRequest,
  { preBuildHook, visibleHost }: BuildOptions,
): ExecutorJob['prepare'] {
  if (!preBuildHook) return undefined;
  return async (root, { signal, onLog }) => {
    const { applyPreBuildHook } = await import('./hook/pre-build-hook.js');
    const written: (Promise<void> | undefined)[] = [];
    const build = {
      drvPath,
      root,
      visibleHost,
      signal,
      onError: (chunk: Uint8Array) => written.push(onLog(chunk)),
    };
    try {
      return await applyPreBuildHook(request, preBuildHook, build);
    } finally {
      await Promise.all(written);
    }
  };
}

function outputPaths({ drvPath, derivation }: PlannedBuild): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const [name, path] of knownOutputs(derivation)) {
    if (path === undefined) {
      throw new AirplantError(
        'ERR_UNSUPPORTED',
        `the path of output '${name}' of '${drvPath}' depends on its content`,
        {
          hint: 'Derivations with content-addressed outputs of unknown hash cannot be built by this version.',
          details: { drvPath, output: name },
        },
      );
    }
    outputs[name] = path;
  }
  return outputs;
}
