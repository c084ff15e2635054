import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { BuildEvent } from '../../ts/base/events.js';
import type { BuildReport } from '../../ts/build/builder.js';
import type { CheckReport } from '../../ts/build/check/check-run.js';
import type { CheckOptions } from '../../ts/build/check/records.js';
import type { Explanation } from '../../ts/build/explain/explain-build.js';
import type { BuildResult, Plan, Wanted } from '../../ts/build/records.js';
import type { VerifyOptions, VerifyReport } from '../../ts/build/verify-and-repair.js';
import type { ProgramHost } from '../../ts/cli/command.js';
import type {
  CollectingOptions,
  Engine,
  EnterFailedOptions,
  EnterStoreOptions,
  EvaluatedDerivation,
  OpenLocalStore,
  OpenStore,
  OpenStoreOptions,
  RepairOptions,
} from '../../ts/cli/engine.js';
import { runProgram } from '../../ts/cli/program.js';
import type { Derivation } from '../../ts/derivation/derivation.js';
import { derivationPath } from '../../ts/derivation/derivation-path.js';
import type { Check } from '../../ts/doctor/check.js';
import type { SandboxExit, SandboxSpec } from '../../ts/sandbox/spec.js';
import type { PathToAdd } from '../../ts/store/add-path.js';
import type { ListedPath } from '../../ts/store/collect/list-paths.js';
import type { CollectReport, Root } from '../../ts/store/collect/records.js';
import type { StoreDirectories } from '../../ts/store/directories.js';
import { referencesFirst } from '../../ts/store/graph.js';
import type { LinkStatistics } from '../../ts/store/optimise/link-statistics.js';
import type { OptimisedStore } from '../../ts/store/optimise/optimise-store.js';
import type { PathInfo } from '../../ts/store/path-info.js';
import type { RegisterChoices } from '../../ts/store/transfer/register-paths.js';

const noUsage = { userSeconds: 0, systemSeconds: 0, maxResidentBytes: 0 };

/** A machine, a terminal and an engine in memory: a command runs against it in this process. */
export class FakeHost {
  readonly store = new FakeStore();
  env: Record<string, string> = {
    HOME: '/nonexistent',
    NIX_CONF_DIR: '/nonexistent',
    XDG_CONFIG_HOME: '/nonexistent',
    XDG_CONFIG_DIRS: '/nonexistent',
  };
  cwd = '/';
  input: readonly Uint8Array[] = [];
  diagnoses: readonly Check[] = [];
  exit: SandboxExit = {
    kind: 'exited',
    status: 0,
    usage: noUsage,
  };
  readonly controller = new AbortController();
  interruptStatus = 0;
  stdoutIsTTY = false;
  /** What the engine was asked to do. */
  readonly opened: OpenStoreOptions[] = [];
  readonly entered: EnterStoreOptions[] = [];
  readonly removed: StoreDirectories[] = [];
  leftToChild = false;

  async run(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    const stdout: Buffer[] = [];
    let stderr = '';
    const host: ProgramHost = {
      env: this.env,
      cwd: this.cwd,
      stdin: () => Readable.from(this.input),
      stdout: {
        isTTY: this.stdoutIsTTY,
        fd: -1,
        write: async (data) => {
          stdout.push(Buffer.from(data));
        },
      },
      stderr: {
        write: (text) => {
          stderr += text;
        },
      },
      interrupts: {
        signal: this.controller.signal,
        exitStatus: this.interruptStatus,
        leaveToChild: () => {
          this.leftToChild = true;
        },
      },
      engine: this.#engine(),
    };
    const status = await runProgram(argv, host);
    return { status, stdout: Buffer.concat(stdout).toString(), stderr };
  }

  #engine(): Engine {
    return {
      openStore: async (options) => {
        this.opened.push(options);
        return this.store;
      },
      openWholeStore: () => Promise.reject(new Error('this engine has no whole store')),
      enterStore: async (options) => {
        this.entered.push(options);
        return this.exit;
      },
      withTerminal: (use) => use({ stdio: [0, 1, 2], terminal: false }),
      diagnose: async () => this.diagnoses,
      requireRemovable: async () => {},
      removeStore: async (directories) => {
        this.removed.push(directories);
      },
      locateStore: async () => this.store.local.directories,
      dumpNar: async () => {},
      hashTree: async () => '00'.repeat(32),
    };
  }
}

export class FakeStore implements OpenStore {
  readonly local = new FakeLocalStore();
  events: readonly BuildEvent[] = [];
  report: BuildReport = { results: [], repaired: [], exitStatus: 0 };
  checkReport: CheckReport = { results: [], exitStatus: 0 };
  checking: CheckOptions | undefined;
  verifyReport: VerifyReport = { findings: [], paths: 0, links: 0, repaired: [], exitStatus: 0 };
  verifying: VerifyOptions | undefined;
  /** Whether each run was to recheck. */
  readonly optimised: boolean[] = [];
  spec: SandboxSpec | undefined;
  /** Derivations, each with the command. */
  explanation: Explanation = { drvPath: '', culprits: [], more: 0, forgotten: 0 };
  readonly enteredFailed: string[][] = [];
  exit: SandboxExit = { kind: 'exited', status: 0, usage: noUsage };
  planned: Plan = { build: [], substitute: [], valid: [], unknown: [] };
  built: Wanted[] = [];
  repairs = false;
  signal: AbortSignal | undefined;
  closed = 0;

  async instantiateAll(derivations: readonly EvaluatedDerivation[]): Promise<readonly string[]> {
    return derivations.map(({ drvPath }) => drvPath);
  }

  async plan(wanted: readonly Wanted[], { repair = false }: RepairOptions = {}): Promise<Plan> {
    this.built = [...wanted];
    this.repairs = repair;
    return this.planned;
  }

  build(wanted: readonly Wanted[], options: RepairOptions & { readonly signal: AbortSignal }) {
    this.built = [...wanted];
    this.repairs = options.repair ?? false;
    this.signal = options.signal;
    return this.#run(this.report);
  }

  verify({ signal: _, ...options }: VerifyOptions & { readonly signal: AbortSignal }) {
    this.verifying = options;
    return this.#run(this.verifyReport);
  }

  optimise(options: { readonly recheck?: boolean; readonly signal: AbortSignal }) {
    this.optimised.push(options.recheck ?? false);
    return this.#run<OptimisedStore>({ paths: 2, filesLinked: 1, bytesFreed: 10, failures: [] });
  }

  explain(drvPath: string, { signal }: { readonly signal: AbortSignal }) {
    this.built = [{ kind: 'outputs', drvPath, outputs: 'all' }];
    this.signal = signal;
    return this.#run(this.explanation);
  }

  async enterFailed(drvPath: string, { command = [] }: EnterFailedOptions): Promise<SandboxExit> {
    this.enteredFailed.push([drvPath, ...command]);
    return this.exit;
  }

  async removeFailed(drvPaths: readonly string[]): Promise<readonly string[]> {
    return drvPaths;
  }

  check(wanted: readonly Wanted[], options: CheckOptions & { readonly signal: AbortSignal }) {
    const { signal, ...checking } = options;
    this.built = [...wanted];
    this.signal = signal;
    this.checking = checking;
    return this.#run(this.checkReport);
  }

  #run<Report>(report: Report) {
    const { events } = this;
    return {
      result: Promise.resolve(report),
      async *[Symbol.asyncIterator]() {
        yield* events;
      },
    };
  }

  async showSandbox(): Promise<SandboxSpec> {
    return this.spec!;
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

class FakeLocalStore implements OpenLocalStore {
  directories: StoreDirectories = {
    storeDir: '/nix/store',
    realStoreDir: '/home/u/root/nix/store',
    stateDir: '/home/u/root/nix/var/nix',
    logDir: '/home/u/root/nix/var/log/nix',
    root: '/home/u/root',
  };
  readonly infos = new Map<string, PathInfo>();
  readonly derivations = new Map<string, Derivation>();
  readonly logTexts = new Map<string, string>();
  readonly logs = {
    readTimes: async () => undefined,
    read: async (drvPath: string): Promise<AsyncIterable<Uint8Array> | undefined> => {
      const log = this.logTexts.get(drvPath);
      return log === undefined ? undefined : Readable.from([Buffer.from(log)]);
    },
  };
  readonly written: Derivation[] = [];
  roots: Root[] = [];
  readonly listed: Record<'live' | 'dead', ListedPath[]> = { live: [], dead: [] };
  collectReport: CollectReport = { deleted: 0, bytesFreed: 0, bytesSaved: 0, kept: [] };
  /** How it was to be collected. */
  readonly collected: Record<string, unknown>[] = [];
  readonly links: { link: string; path: string }[] = [];
  /** How paths were to be added or registered. */
  readonly transfers: unknown[] = [];

  realPath(path: string): string {
    return join(this.directories.realStoreDir, path.slice(this.directories.storeDir.length));
  }

  isValid(path: string): boolean {
    return this.infos.has(path);
  }

  pathInfo(path: string): PathInfo {
    const info = this.infos.get(path);
    if (!info) throw new Error(`no info for ${path}`);
    return info;
  }

  closure(paths: Iterable<string>): string[] {
    return [...new Set([...paths].flatMap((path) => [...this.pathInfo(path).references, path]))];
  }

  references(path: string): string[] {
    return [...this.pathInfo(path).references];
  }

  referrers(path: string): string[] {
    const refersToIt = ({ references }: PathInfo) => references.includes(path);
    return [...this.infos.values()].filter(refersToIt).map((info) => info.path);
  }

  topologicalSort(paths: Iterable<string>): string[] {
    return referencesFirst(paths, (path) => this.references(path));
  }

  derivationOutputs(): Map<string, string> {
    return new Map();
  }

  validDerivers(): string[] {
    return [];
  }

  readDerivation(drvPath: string): Derivation {
    return this.derivations.get(drvPath)!;
  }

  async findHolders(): Promise<[]> {
    return [];
  }

  async whyDepends(): Promise<undefined> {
    return undefined;
  }

  async linkStatistics(): Promise<LinkStatistics> {
    return { links: 3, files: 7, bytesSaved: 4096 };
  }

  async writeDerivations(derivations: readonly Derivation[]): Promise<string[]> {
    this.written.push(...derivations);
    return derivations.map((derivation) => derivationPath(this.directories.storeDir, derivation));
  }

  async findRoots(): Promise<Root[]> {
    return this.roots;
  }

  async listPaths(which: 'live' | 'dead'): Promise<ListedPath[]> {
    return this.listed[which];
  }

  async collectGarbage(options: CollectingOptions & { readonly maxFreed?: number | undefined }) {
    return this.#collect([], options);
  }

  async deletePaths(paths: readonly string[], options: CollectingOptions) {
    return this.#collect(paths, options);
  }

  #collect(paths: readonly string[], { onEvent, signal: _, ...options }: CollectingOptions): CollectReport {
    this.collected.push({ paths, ...options });
    for (const { path } of this.listed.dead) onEvent({ type: 'collect.deleted', path });
    return this.collectReport;
  }

  async makeResultLink(link: { link: string; path: string }): Promise<void> {
    this.links.push(link);
  }

  invalidPaths(paths: readonly string[]): string[] {
    return paths.filter((path) => !this.isValid(path));
  }

  async addPath(path: PathToAdd): Promise<PathInfo> {
    this.transfers.push(path);
    return pathInfo(`/nix/store/${'a'.repeat(32)}-${path.name}`);
  }

  /** The paths, one a line, are the stream. */
  async *exportPaths(paths: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const path of paths) yield Buffer.from(`${path}\n`);
  }

  async importPaths(
    source: AsyncIterable<Uint8Array>,
    { onImported }: { onImported: (path: string) => void },
  ): Promise<string[]> {
    const paths = (await text(source)).split('\n').filter(Boolean);
    for (const path of paths) onImported(path);
    return paths;
  }

  async *dumpDatabase(paths: readonly string[] = [...this.infos.keys()]): AsyncGenerator<string> {
    for (const path of paths) yield `${path}\n`;
  }

  async registerPaths(
    source: AsyncIterable<Uint8Array>,
    { signal: _, ...how }: RegisterChoices & { signal: AbortSignal },
  ): Promise<number> {
    this.transfers.push(how);
    return (await text(source)).split('\n').filter(Boolean).length;
  }
}

/** A path with nothing special about it. */
export function pathInfo(path: string, more: Partial<PathInfo> = {}): PathInfo {
  return {
    path,
    narHash: { algorithm: 'sha256', hex: '11'.repeat(32) },
    narSize: 100,
    references: [],
    registrationTime: 1,
    ultimate: true,
    signatures: [],
    ...more,
  };
}

export function derivationNamed(name: string, more: Partial<Derivation> = {}): Derivation {
  return {
    name,
    outputs: new Map([['out', { kind: 'deferred' }]]),
    inputDrvs: new Map(),
    inputSrcs: [],
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: [],
    env: new Map(),
    ...more,
  };
}

/** A result in which everything worked. */
export function builtResult(drvPath: string, outputs: Record<string, string>): BuildResult {
  return {
    wanted: { kind: 'outputs', drvPath, outputs: 'all' },
    status: 'Built',
    outputs,
    startTime: 1,
    stopTime: 2,
  };
}
