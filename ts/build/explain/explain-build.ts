import { AirplantError, isAirplantError } from '../../base/errors.js';
import type { EventSink } from '../../base/events.js';
import { isBuiltinBuilder } from '../../sandbox/builtin.js';
import { makeMissing } from '../approach.js';
import { type BuildJob, buildWanted, unasked } from '../builder.js';
import { type MakeContext, makeOutputs } from '../make-outputs.js';
import { failedEvent, failureOf } from '../outcome.js';
import { outputPaths } from '../output-paths.js';
import type { Attempt, BuildFailure, BuildRequest } from '../records.js';
import { inputsOf } from '../wanted.js';
import { AttemptLog } from './attempt-log.js';
import type { Culprit } from './culprit.js';
import { hostFacts } from './host-facts.js';
import { rankCulprits } from './rank.js';

/** What came of a build that was observed. Nothing of it is in the store. */
export interface Explanation {
  readonly drvPath: string;
  /** Absent: it did not fail this time. */
  readonly error?: BuildFailure;
  /** What it missed, most likely culprit first; empty if it did not fail. */
  readonly culprits: readonly Culprit[];
  /** How many things it missed that are not among the culprits, as there are too many. */
  readonly more: number;
  /** What it tried that was not remembered, as it tried too much. */
  readonly forgotten: number;
}

/** A derivation that is one, and what its inputs are made with. */
export interface ExplainJob extends Omit<BuildJob, 'wanted' | 'repair'> {
  readonly drvPath: string;
  /** Where this machine's programs are looked up. */
  readonly searchPath: string;
}

/**
 * Builds a derivation again while its builder is observed, and says what that missed. Its inputs are built first. The sandbox
 * is as sealed as ever; what is made is thrown away.
 *
 * Throws ERR_DEPENDENCY_FAILED if its inputs cannot be made, ERR_ABORTED, and what keeps a sandbox from being made.
 */
export async function explainBuild(job: ExplainJob, emit: EventSink): Promise<Explanation> {
  const { drvPath, store, signal } = job;
  const derivation = store.readDerivation(drvPath);
  await makeInputs(job, emit);
  const paths = outputPaths(drvPath, derivation);
  await store.addTempRoot(drvPath, ...Object.values(paths));
  const locks = await store.lockPaths(Object.values(paths), { signal });
  try {
    const { options, executor } = await job.engine();
    const watched = new WatchedBuild();
    const approach = makeMissing(store);
    const context: MakeContext = { store, approach, options, executor, emit, signal, ...watched.hooks };
    const planned = { drvPath, derivation, missing: Object.keys(paths), wanted: 'all' } as const;
    try {
      await using _made = await makeOutputs(planned, context);
      return { drvPath, culprits: [], more: 0, forgotten: 0 };
    } catch (error) {
      if (!isAirplantError(error) || watched.request === undefined || error.code === 'ERR_ABORTED')
        throw error;
      const failure = failureOf(error, drvPath);
      // Nobody was there yet to be observed.
      if (error.code === 'ERR_BUILDER_MISSING') watched.addBuilder();
      emit(failedEvent(drvPath, failure));
      const { culprits, more } = await rankCulprits(
        {
          tried: watched.log.all(),
          outcome: outcomeOf(error),
          lastLines: failure.lastLines ?? [],
        },
        surroundingsOf(watched.request, store.directories.storeDir),
        hostFacts(store, job.searchPath),
      );
      return { drvPath, error: failure, culprits, more, forgotten: watched.log.forgotten };
    }
  } finally {
    locks.release({ delete: false });
  }
}

/** Hooks into a build that see what is asked for and what is tried. */
class WatchedBuild {
  readonly log = new AttemptLog();
  request: BuildRequest | undefined;

  addBuilder(): void {
    const path = this.request!.builder;
    const enoent = 2;
    this.log.add({ thread: 0, intent: 'execute', errno: enoent, flags: 0, path });
  }

  readonly hooks: Pick<MakeContext, 'adjust' | 'observe'> = {
    adjust: (request) => {
      requireSealed(request);
      this.request = request;
      return request;
    },
    observe: (attempt) => this.log.add(attempt),
  };
}

async function makeInputs(job: ExplainJob, emit: EventSink): Promise<void> {
  const { drvPath, store } = job;
  const wanted = inputsOf(store.readDerivation(drvPath));
  const { results } = await buildWanted({ ...job, repair: false, wanted: async () => wanted }, unasked(emit));
  const failed = results.find(({ error }) => error !== undefined);
  if (!failed) return;
  throw new AirplantError(
    'ERR_DEPENDENCY_FAILED',
    `the inputs of '${drvPath}' could not be made: ${failed.error!.message}`,
    { hint: 'Explain that one first.', details: { drvPath } },
  );
}

function surroundingsOf(request: BuildRequest, storeDir: string) {
  const outputs = request.outputs.map(({ scratchPath }) => scratchPath);
  const shown = request.hostPaths.map(({ target }) => target);
  // buildEnvironment sets it, always and last.
  const buildDirectory = new Map(request.env).get('NIX_BUILD_TOP')!;
  return { storeDir, buildDirectory, known: new Set([...request.inputs, ...outputs, ...shown]) };
}

/** How the builder ended; one whose outputs were refused has ended well. */
function outcomeOf({ code, details }: AirplantError): Attempt['outcome'] {
  const { status, signal } = details;
  if (typeof signal === 'number') return { kind: 'signalled', signal };
  if (code === 'ERR_BUILD_TIMEOUT') return { kind: 'timeout', afterSeconds: 0 };
  return { kind: 'exited', status: typeof status === 'number' ? status : 0 };
}

/** Outside a sandbox nothing is missing but what the machine lacks, and there is no process 1 to observe. */
function requireSealed({ name, unsealed, builder }: BuildRequest): void {
  const why = unsealed
    ? 'is built outside the sandbox, so the sandbox lacks nothing'
    : isBuiltinBuilder(builder)
      ? 'has a built-in builder, which needs nothing but its inputs'
      : undefined;
  if (why === undefined) return;
  throw new AirplantError('ERR_UNSUPPORTED', `'${name}' ${why}`, {
    hint: 'Only builders that are programs in a sandbox can be observed; see `airplant log`.',
  });
}
