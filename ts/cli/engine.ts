import type { BuildRun } from '../build/builder.js';
import type { CheckRun } from '../build/check/check-run.js';
import type { CheckOptions } from '../build/check/records.js';
import type { EventRun } from '../build/event-run.js';
import type { Explanation } from '../build/explain/explain-build.js';
import type { Plan, Wanted } from '../build/records.js';
import type { VerifyOptions, VerifyReport } from '../build/verify-and-repair.js';
import type { Settings } from '../config/settings.js';
import type { Derivation } from '../derivation/derivation.js';
import type { Check } from '../doctor/check.js';
import type { Store } from '../open.js';
import type { SandboxExit, SandboxSpec } from '../sandbox/spec.js';
import type { PathToAdd } from '../store/add-path.js';
import type { Holder } from '../store/collect/holders.js';
import type { ListedPath } from '../store/collect/list-paths.js';
import type { CollectListener, CollectReport, Root } from '../store/collect/records.js';
import type { StoreDirectories } from '../store/directories.js';
import type { LogTimes } from '../store/log-times.js';
import type { LinkStatistics } from '../store/optimise/link-statistics.js';
import type { OptimisedStore, OptimiseOptions } from '../store/optimise/optimise-store.js';
import type { PathInfo } from '../store/path-info.js';
import type { QueryStore } from '../store/query/query-store.js';
import type { RegisterChoices } from '../store/transfer/register-paths.js';
import type { Reference } from '../store/why/chains.js';
import type { ExplainedReference, WhyOptions } from '../store/why/why-depends.js';

/**
 * What the command line asks of the rest of airplant. Commands get it handed in, so that starting one loads nothing
 * of the engine, and tests can put something small in its place.
 */
export interface Engine {
  openStore(options: OpenStoreOptions): Promise<OpenStore>;
  /** The same with all a store can do, for the programs of Nix's that we stand in for. */
  openWholeStore(options: OpenStoreOptions): Promise<Store>;
  /** Runs a program on the caller's terminal, in a mount namespace that has the store at its logical place. */
  enterStore(options: EnterStoreOptions): Promise<SandboxExit>;
  /** Lends a program the caller's standard streams without lending it the caller's terminal. */
  withTerminal(use: (streams: LentStreams) => Promise<SandboxExit>): Promise<SandboxExit>;
  /** Tries each step of a sandbox on this host. */
  diagnose(): Promise<readonly Check[]>;
  /** Deletes a whole rootless store, read-only directories and all. */
  /** Throws what keeps a store from being removed, so that nobody is asked in vain. */
  requireRemovable(directories: StoreDirectories): Promise<void>;
  removeStore(directories: StoreDirectories): Promise<void>;
  /** The directories of a store that need not exist. */
  locateStore(store: string, env: Environment): Promise<StoreDirectories>;
  /** Writes the NAR of a file or directory to an open descriptor. */
  dumpNar(path: string, fd: number, options: { readonly caseHack: boolean }): Promise<void>;
  /** SHA-256 of the NAR of a file or directory, lower-case hex. */
  hashTree(path: string, options: { readonly caseHack: boolean }): Promise<string>;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type Awaitable<T> = T | Promise<T>;

export interface OpenStoreOptions {
  readonly store: string;
  readonly settings: Settings;
  readonly env: Environment;
  readonly onWarning: (message: string) => void;
}

export interface OpenStore {
  readonly local: OpenLocalStore;
  /** Returns the paths of the derivations, in order. */
  instantiateAll(derivations: readonly EvaluatedDerivation[]): Promise<readonly string[]>;
  plan(wanted: readonly Wanted[], options?: RepairOptions): Promise<Plan>;
  build(
    wanted: readonly Wanted[],
    options: RepairOptions & { readonly signal: AbortSignal },
  ): Awaitable<BuildRun>;
  check(
    wanted: readonly Wanted[],
    options: CheckOptions & { readonly signal: AbortSignal },
  ): Awaitable<CheckRun>;
  verify(options: VerifyOptions & { readonly signal: AbortSignal }): Awaitable<EventRun<VerifyReport>>;
  optimise(options: OptimiseOptions & { readonly signal: AbortSignal }): Awaitable<EventRun<OptimisedStore>>;
  explain(drvPath: string, options: { readonly signal: AbortSignal }): Awaitable<EventRun<Explanation>>;
  /** Runs a command, or a shell, in the sandbox of a failed build that was kept. */
  enterFailed(drvPath: string, options: EnterFailedOptions): Promise<SandboxExit>;
  /** Removes what was kept of failed builds, of all if none is named; the derivations. */
  removeFailed(drvPaths: readonly string[]): Promise<readonly string[]>;
  showSandbox(drvPath: string): Promise<SandboxSpec>;
  close(): Promise<void>;
}

export interface EnterFailedOptions {
  readonly command?: readonly string[] | undefined;
  readonly stdio: readonly [number, number, number];
  /** Standard input is a terminal made for this alone. */
  readonly terminal: boolean;
  readonly signal: AbortSignal;
}

export interface RepairOptions {
  /** Read what is wanted and make again what is damaged. */
  readonly repair?: boolean;
}

export interface SignalOptions {
  readonly signal: AbortSignal;
}

/** The part of the store on disk that commands use. Paths are full logical store paths. */
export interface OpenLocalStore extends QueryStore {
  realPath(path: string): string;
  invalidPaths(paths: readonly string[]): Awaitable<readonly string[]>;
  addPath(path: PathToAdd, options: SignalOptions): Promise<PathInfo>;
  exportPaths(paths: readonly string[], options: SignalOptions): AsyncIterable<Uint8Array>;
  importPaths(
    source: AsyncIterable<Uint8Array>,
    options: SignalOptions & { readonly onImported: (path: string) => void },
  ): Promise<readonly string[]>;
  dumpDatabase(paths: readonly string[] | undefined): AsyncIterable<string>;
  registerPaths(text: AsyncIterable<Uint8Array>, options: SignalOptions & RegisterChoices): Promise<number>;
  writeDerivations(derivations: readonly Derivation[]): Promise<readonly string[]>;
  linkStatistics(): Promise<LinkStatistics>;
  whyDepends(between: Reference, options: WhyOptions): Promise<readonly ExplainedReference[] | undefined>;
  makeResultLink(options: { readonly link: string; readonly path: string }): Promise<unknown>;
  findRoots(options: CollectingOptions): Promise<readonly Root[]>;
  findHolders(
    paths: readonly string[],
    options: { readonly asNixQuery?: boolean },
  ): Promise<readonly Holder[]>;
  listPaths(which: 'live' | 'dead', options: CollectingOptions): Promise<readonly ListedPath[]>;
  collectGarbage(
    options: CollectingOptions & { readonly maxFreed?: number | undefined },
  ): Promise<CollectReport>;
  deletePaths(
    paths: readonly string[],
    options: CollectingOptions & { readonly ignoreLiveness: boolean },
  ): Promise<CollectReport>;
  readonly logs: {
    readTimes(drvPath: string): Promise<LogTimes | undefined>;
    /** The kept log of a build, decompressed; undefined if there is none. */
    read(drvPath: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  };
}

export interface CollectingOptions {
  readonly signal: AbortSignal;
  readonly onEvent: CollectListener;
}

/** What `derivation()` of the library makes, as far as the command line cares. */
export interface EvaluatedDerivation {
  readonly drvPath: string;
}

export interface LentStreams {
  /** Standard input, output and error. */
  readonly stdio: readonly [number, number, number];
  /** Standard input is a terminal made for the program alone. */
  readonly terminal: boolean;
}

export interface EnterStoreOptions {
  readonly directories: StoreDirectories;
  /** Absolute path as seen inside. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
}
