import type { AttemptSink } from '../sandbox/attempt-pipe.js';
import type { Attempt, BuildRequest } from './records.js';

/** What an executor tells while it works. */
export interface AttemptHooks {
  /** Raw output of the builder, as it comes. A promise holds the builder's terminal back; if it rejects, the build fails so. */
  onLog(chunk: Uint8Array): Promise<void> | undefined;
  /** Something a user should know that is no reason to fail; a sentence. */
  onWarning(message: string): void;
  readonly signal: AbortSignal;
}

/**
 * Something that can run a request: this machine, or another one. The engine is given a list of them and knows
 * no more than this.
 */
export interface Executor {
  readonly name: string;
  /**
   * Runs the builder to its end. Whatever was set up for it stays until `dispose`, since its outputs lie there.
   * A builder that fails is an `Attempt`; only what kept it from running at all is thrown
   * (ERR_SANDBOX_SETUP, ERR_BUILDER_MISSING, ERR_DISK_FULL, ERR_ABORTED …), and then nothing is left behind.
   */
  run(job: ExecutorJob, hooks: AttemptHooks): Promise<FinishedAttempt>;
}

export interface ExecutorJob {
  readonly request: BuildRequest;
  /** Host path that nobody else uses and the garbage collector leaves alone; made and removed by the executor. */
  readonly scratch: string;
  /** Gets what the builder tries to reach by name: it is traced then, which changes nothing of what it may do. */
  readonly observe?: AttemptSink | undefined;
  /** Where the attempt can be kept. Host path like `scratch`, beside it. */
  readonly keepAt?: string | undefined;
  /**
   * The pre-build hook: called when the directory that becomes `/` of the sandbox exists and before anything is mounted.
   * What it puts there the builder finds; the request it gives is the one that is run. A builder that works in place has no `root`.
   */
  readonly prepare?: ((root: string | undefined, hooks: AttemptHooks) => Promise<BuildRequest>) | undefined;
}

/** Of what an attempt is kept. */
export interface KeptFailure {
  readonly drvPath: string;
  readonly code: string;
  readonly message: string;
}

export interface FinishedAttempt extends AsyncDisposable {
  readonly attempt: Attempt;
  /** What was run in the end: the request of the job, or what `prepare` has made of it. */
  readonly request: BuildRequest;
  /**
   * Puts what the builder worked in aside, as `keepAt` of the job: disposing removes nothing then. Returns the host path of
   * the build directory. Only for a job that names such a place, and after a builder that ran.
   */
  keep?(failure: KeptFailure): Promise<string>;
  /** Where whoever needs it may make a directory that the builder never saw, on the file system of the outputs. */
  readonly privateDirectory: string;
}
