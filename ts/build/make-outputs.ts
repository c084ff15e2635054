import { type AirplantError, isAirplantError, withDetails } from '../base/errors.js';
import type { EventSink } from '../base/events.js';
import { isFixedOutput } from '../derivation/fixed.js';
import { derivationOptions } from '../derivation/options.js';
import type { AttemptSink } from '../sandbox/attempt-pipe.js';
import { isBuiltinBuilder } from '../sandbox/builtin.js';
import type { LocalStore } from '../store/local-store.js';
import type { Approach } from './approach.js';
import type { AttemptHooks, Executor, ExecutorJob, FinishedAttempt } from './executor.js';
import { asFailedBuilder } from './failed-builder.js';
import { idleRules } from './idle-rules.js';
import { inputClosure } from './inputs.js';
import type { BuildOptions } from './options.js';
import { failureOf, judge } from './outcome.js';
import { outputPaths } from './output-paths.js';
import { prepareRequest } from './prepare-request.js';
import type { Attempt, BuildRequest, PlannedBuild, Settled } from './records.js';
import { readReferenceGraphs } from './reference-graphs.js';
import { keptOf, scratchOf } from './scratch.js';
import { settleOutputs } from './settle.js';

/** What it takes to run the builder of a derivation. */
export interface MakeContext {
  readonly store: LocalStore;
  readonly approach: Approach;
  readonly options: BuildOptions;
  readonly executor: Executor;
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  /** Gets what the builder tries to reach by name. */
  readonly observe?: AttemptSink | undefined;
  /** Has the last word on what is asked of the executor. */
  readonly adjust?: ((request: BuildRequest) => BuildRequest) | undefined;
  /** Awaited when the builder has succeeded, before its outputs are looked at. It must not reject. */
  readonly onBuilt?: (() => Promise<void>) | undefined;
  /** A fixed output with another hash is no error: it is settled with its `mismatch`. Default false. */
  readonly keepMismatch?: boolean;
}

/** Outputs that lie in a scratch directory, which disposing removes with all that was not moved out of it. */
export interface MadeOutputs extends AsyncDisposable {
  readonly attempt: Attempt;
  readonly settled: Settled;
  /** The outputs are refused: keeps them if that is wished for. Returns the error with where. */
  refuse<E>(error: E): Promise<E | AirplantError>;
}

/**
 * Runs the builder of a derivation whose inputs are valid, and settles the outputs named in `missing`: request →
 * sandbox → attempt → settled. What is valid in the store is not changed; outputs that are valid already can be made too. The
 * caller holds the locks of the outputs.
 *
 * Throws what keeps a build from being one, what its end means (`judge`) or what its outputs are refused for
 * (`settleOutputs`); of the sandbox nothing is left then.
 */
export async function makeOutputs(
  planned: Pick<PlannedBuild, 'drvPath' | 'derivation' | 'missing' | 'wanted'>,
  context: MakeContext,
): Promise<MadeOutputs> {
  const { drvPath, derivation, missing, wanted } = planned;
  const { store, emit, signal } = context;
  const inputs = await inputClosure(drvPath, derivation, store);
  const { storeDir } = store.directories;
  const paths = outputPaths(drvPath, derivation);
  const occupied = Object.keys(paths).filter((name) => store.isValid(paths[name]!));
  const graphs = readReferenceGraphs({ drvPath, derivation, inputs }, store);
  const subject = { drvPath, derivation, inputs, graphs, occupied };
  const prepared = await prepareRequest(subject, storeDir, context.options, signal);
  const asked = context.adjust?.(prepared) ?? prepared;
  await store.addTempRoot(...asked.outputs.map(({ scratchPath }) => scratchPath));

  for (const message of idleRules(drvPath, derivation)) emit({ type: 'warning', message });

  const finished = await runBuilder(planned, asked, context);
  try {
    const { attempt, request, privateDirectory } = finished;
    judge({ drvPath, wanted, worldly: isFixedOutput(derivation) || request.network !== 'none' }, attempt);
    await context.onBuilt?.();
    emit({ type: 'build.settling', drvPath });
    const { caseHack } = store;
    const { unsafeDiscardReferences: discardReferences, outputChecks } = derivationOptions(derivation);
    const job = {
      drvPath,
      derivation,
      request,
      missing,
      discardReferences,
      // Whoever compares wants to see what there is.
      ...(context.keepMismatch ? {} : { outputChecks }),
      privateDirectory,
      signal,
      caseHack,
      keepMismatch: context.keepMismatch === true,
    };
    const settled = await settleOutputs(job, attempt, storeDir);
    return {
      attempt,
      settled,
      refuse: (error) => keepIfWished(finished, error, { drvPath, emit }),
      [Symbol.asyncDispose]: () => finished[Symbol.asyncDispose](),
    };
  } catch (error) {
    const told = await keepIfWished(finished, error, { drvPath, emit });
    await finished[Symbol.asyncDispose]();
    throw told;
  }
}

/** The error, and with it where the directories of its build are, if they were kept. */
async function keepIfWished<E>(
  finished: FinishedAttempt,
  error: E,
  { drvPath, emit }: { readonly drvPath: string; readonly emit: EventSink },
): Promise<E | AirplantError> {
  if (!finished.keep || !isAirplantError(error) || error.code === 'ERR_ABORTED') return error;
  const { code, message } = error;
  try {
    const directory = await finished.keep({ drvPath, code, message });
    emit({ type: 'build.kept', drvPath, directory });
    return withDetails(error, { keptDirectory: directory });
  } catch (cause) {
    // Why the build failed is the thing to tell.
    const why = failureOf(cause).message;
    emit({ type: 'warning', message: `what the build of '${drvPath}' left could not be kept: ${why}` });
    return error;
  }
}

/** Runs the builder in the executor, its output going to the log file and the event stream. */
async function runBuilder(
  { drvPath, derivation }: Pick<PlannedBuild, 'drvPath' | 'derivation'>,
  request: BuildRequest,
  { store, approach, options, executor, emit, signal, observe }: MakeContext,
): Promise<FinishedAttempt> {
  emit({
    type: 'build.started',
    drvPath,
    name: derivation.name,
    outputs: Object.values(outputPaths(drvPath, derivation)),
    ...(approach.repairs ? { repair: true } : {}),
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
  const realPath = store.realPath(drvPath);
  // As in Nix, nothing is kept of what is no program. A check varies what must not matter, its build directory included.
  const isKept = options.keepFailed && !isBuiltinBuilder(request.builder) && !request.variation;
  const keepAt = isKept ? keptOf(realPath) : undefined;
  const prepare = preparation(drvPath, request, options);
  const onWarning = (message: string) => void emit({ type: 'warning', message });
  const finished = await executor
    .run({ request, scratch: scratchOf(realPath), keepAt, observe, prepare }, { signal, onLog, onWarning })
    .catch(async (error) => {
      const told = asFailedBuilder(drvPath, error);
      // What kept the builder from running is the thing to tell, whatever becomes of its log.
      await writeLines(told.logged, onLog).catch(() => {});
      await log?.close().catch(() => {});
      throw told.error;
    });
  try {
    await log?.close();
  } catch (error) {
    await finished[Symbol.asyncDispose]();
    throw error;
  }
  return finished;
}

async function writeLines(lines: readonly string[], onLog: AttemptHooks['onLog']): Promise<void> {
  for (const line of lines) await onLog(Buffer.from(`${line}\n`));
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
    const build = { drvPath, root, visibleHost, signal, onError: onLog };
    return await applyPreBuildHook(request, preBuildHook, build);
  };
}
