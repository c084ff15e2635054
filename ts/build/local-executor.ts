import { lstatSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Explanation } from '../doctor/cause.js';
import { probeHost } from '../doctor/probe.js';
import { native } from '../native.js';
import { planUnsealed } from '../sandbox/fallback.js';
import { describeIsolation } from '../sandbox/isolation.js';
import { killAtOnce, launchSandbox } from '../sandbox/launch.js';
import { currentLauncher } from '../sandbox/launcher.js';
import { planLinuxSandbox } from '../sandbox/linux.js';
import {
  type ChosenConnection,
  type Connection,
  chooseConnection,
  hostConnection,
} from '../sandbox/network.js';
import type { SandboxExit, SandboxSpec } from '../sandbox/spec.js';
import type { StoreDirectories } from '../store/directories.js';
import { isDiskNearlyFull } from './disk-space.js';
import type { AttemptHooks, Executor, ExecutorJob, FinishedAttempt } from './executor.js';
import { LastLines } from './last-lines.js';
import type { BuildOptions } from './options.js';
import type { Attempt, BuildRequest } from './records.js';
import { inheritedShortfalls, makeResourceGroup } from './resource-group.js';
import { makePlace, type Place, placeOf } from './scratch.js';
import { Watchdog } from './watchdog.js';
import { lockWritablePaths } from './writable-paths.js';

type LocalExecutorOptions = Pick<
  BuildOptions,
  | 'sandboxBuildDirectory'
  | 'devShmSize'
  | 'filterSystemCalls'
  | 'nestedNamespaces'
  | 'logLines'
  | 'supplementaryGroups'
  | 'network'
  | 'terminationGrace'
  | 'resources'
>;

/** A job whose directories are known. */
interface PlacedJob extends Omit<ExecutorJob, 'scratch'> {
  readonly place: Place;
}

/** Runs requests in a sandbox on this machine. */
export class LocalExecutor implements Executor {
  readonly name = 'local';
  readonly #options: LocalExecutorOptions;
  readonly #store: StoreDirectories;
  /** Why builds of this executor go without a network of their own, once one has tried in vain. */
  #noPrivateNetwork: Explanation | undefined;
  readonly #warned = new Set<string>();

  constructor(options: LocalExecutorOptions, store: StoreDirectories) {
    this.#options = options;
    this.#store = store;
  }

  async run({ request, scratch, prepare }: ExecutorJob, hooks: AttemptHooks): Promise<FinishedAttempt> {
    // Should this process be killed, the launcher removes the directory.
    const unguard = currentLauncher().guard(scratch);
    const remove = async () => {
      await native.removeTree(scratch);
      unguard();
    };
    try {
      const place = placeOf(scratch, { rootOnDisk: prepare !== undefined });
      const attempt = await this.#connectAndRun({ request, place, prepare }, hooks);
      return { attempt, privateDirectory: place.privateDirectory, [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  /** How a request will be connected with the network it asks for. Throws ERR_NETWORK_HELPER. */
  async connect({ network, unsealed }: BuildRequest): Promise<ChosenConnection | undefined> {
    if (network === 'none' || unsealed) return undefined;
    const host = await probeHost();
    if (network === 'auto' && this.#noPrivateNetwork) {
      return { connection: hostConnection(host), instead: this.#noPrivateNetwork };
    }
    return chooseConnection(network, this.#options.network, host);
  }

  /** The sandbox a request gets; pure, printed by `airplant show-sandbox`. */
  plan(request: BuildRequest, place: Place, connection: Connection | undefined): SandboxSpec {
    const { storeDir, realStoreDir } = this.#store;
    const { sandboxBuildDirectory, devShmSize, filterSystemCalls, nestedNamespaces } = this.#options;
    if (request.unsealed) {
      const { buildDirectory } = place;
      const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
      return planUnsealed(request, { buildDirectory, storeDir, realStoreDir, ids });
    }
    return planLinuxSandbox(request, {
      ...place,
      storeDir,
      realStoreDir,
      sandboxBuildDirectory,
      devShmSize,
      filterSystemCalls,
      nestedNamespaces,
      kvm: request.features.includes('kvm'),
      connection,
    });
  }

  async #connectAndRun(job: PlacedJob, hooks: AttemptHooks): Promise<Attempt> {
    const { place, prepare } = job;
    await makePlace(place, job.request, this.#store.storeDir);
    const request = prepare ? await prepare(place.root!, hooks) : job.request;
    // Again from the beginning, with all that the first try has made or taken gone.
    return (await this.#tryToRun({ request, place }, hooks)) ?? (await this.#connectAndRun(job, hooks));
  }

  /** Undefined when a network helper failed before the builder started, and `auto` makes room for the host's network. */
  async #tryToRun(
    { request, place }: { request: BuildRequest; place: Place },
    hooks: AttemptHooks,
  ): Promise<Attempt | undefined> {
    using _locks = lockWritablePaths(request.hostPaths);
    const chosen = await this.connect(request);
    try {
      const attempt = this.#attempt({ request, place, chosen }, hooks);
      return await (request.unsealed ? fetchOutputs(request, place, attempt) : attempt);
    } catch (error) {
      const failed = isAirplantError(error, 'ERR_NETWORK_HELPER') && error.details['step'] !== undefined;
      if (!failed || request.network !== 'auto' || chosen?.connection.kind !== 'helper') throw error;
      this.#noPrivateNetwork = { cause: `${error.message}.`, cure: 'Run `airplant doctor`.' };
      return undefined;
    }
  }

  async #attempt(
    job: { request: BuildRequest; place: Place; chosen: ChosenConnection | undefined },
    hooks: AttemptHooks,
  ): Promise<Attempt> {
    const { request, place, chosen } = job;
    const planned = this.plan(request, place, chosen?.connection);
    const placed = place.root === undefined ? planned : keepPlaced(planned, place.root);
    // Last, as nothing but the end of the attempt removes it.
    const { group, shortfalls } = await makeResourceGroup(this.#options.resources);
    const spec: SandboxSpec = { ...placed, ...(group ? { controlGroup: group.directory } : {}) };
    const noNetwork = chosen?.instead ? [`It has no network of its own: ${chosen.instead.cause}`] : [];
    if (chosen?.instead) this.#warn(chosen.instead, hooks);
    const tail = new LastLines(this.#options.logLines);
    const kill = new AbortController();
    let verdict: Attempt['outcome'] | undefined;
    let logFailure: unknown;
    const watchdog = new Watchdog(request.limits, (limit) => {
      verdict = limit;
      // Who has written too much gets no chance to write more.
      kill.abort(limit.kind === 'log-limit' ? killAtOnce : limit);
    });
    const startedAt = unixTime();
    const isolation = describeIsolation(spec, this.#options.supplementaryGroups);
    try {
      const sandbox = await launchSandbox(spec, {
        signal: AbortSignal.any([hooks.signal, kill.signal]),
        graceSeconds: this.#options.terminationGrace,
        onLog(chunk) {
          if (verdict || !watchdog.output(chunk.length)) return undefined;
          tail.push(chunk);
          const held = hooks.onLog(chunk);
          if (!held) return undefined;
          const release = watchdog.hold();
          return held.then(release, (error) => {
            logFailure ??= error;
            kill.abort(killAtOnce);
          });
        },
      });
      const exit = await sandbox.exit;
      const used = await group?.finish();
      if (hooks.signal.aborted) throw cancelled(request.name);
      if (logFailure) throw logFailure;
      if (exit.kind === 'network-lost' && !verdict) throw networkLost(request.name, spec);
      const outcome = verdict ?? outcomeOf(exit);
      return {
        outcome,
        startedAt,
        stoppedAt: unixTime(),
        usage: { ...exit.usage, ...used },
        isolation: {
          ...isolation,
          ...(group ? { limits: group.applied } : {}),
          shortfalls: [
            ...isolation.shortfalls,
            ...noNetwork,
            ...inheritedShortfalls(spec.limits),
            ...shortfalls,
          ],
        },
        diskNearlyFull: !isSuccess(outcome) && (await isDiskNearlyFull(place.scratch)),
        lastLines: tail.lines(),
        outputs: request.unsealed ? new Map() : madeOutputs(place, request),
      };
    } catch (error) {
      if (hooks.signal.aborted) throw cancelled(request.name);
      throw error;
    } finally {
      await group?.finish();
      watchdog.stop();
    }
  }

  /** Each reason is told once, however many builds it concerns. */
  #warn({ cause, cure }: Explanation, hooks: AttemptHooks): void {
    if (this.#warned.has(cause)) return;
    this.#warned.add(cause);
    hooks.onWarning(
      `fixed-output builds use the network of this machine, its loopback services included: ${cause} ${cure}`,
    );
  }
}

/** What a hook has put into the root stays: a file of ours that would be at the same place is not made. */
function keepPlaced(spec: SandboxSpec, root: string): SandboxSpec {
  const entries = spec.entries.filter(
    ({ kind, target }) =>
      (kind !== 'file' && kind !== 'symlink') || !lstatSync(join(root, target), { throwIfNoEntry: false }),
  );
  return { ...spec, entries };
}

/** Host path of every output that the builder made. */
function madeOutputs({ outputDirectory }: Place, { outputs }: BuildRequest): Map<string, string> {
  const made = outputs
    .map(({ name, scratchPath }) => [name, join(outputDirectory, basename(scratchPath))] as const)
    .filter(([, path]) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  return new Map(made);
}

/**
 * An unsealed builder writes to the final paths. What lies there afterwards is moved to where outputs are expected, and
 * nothing is left there, whatever became of the build.
 */
async function fetchOutputs(
  request: BuildRequest,
  place: Place,
  attempt: Promise<Attempt>,
): Promise<Attempt> {
  const paths = request.outputs.map(({ scratchPath }) => scratchPath);
  try {
    const finished = await attempt;
    for (const path of paths.filter((path) => lstatSync(path, { throwIfNoEntry: false }))) {
      native.moveTree(path, join(place.outputDirectory, basename(path)), 'no-replace');
    }
    return { ...finished, outputs: madeOutputs(place, request) };
  } finally {
    for (const path of paths) await native.removeTree(path);
  }
}

function outcomeOf(exit: SandboxExit): Attempt['outcome'] {
  // Nothing but an abort or a limit kills a sandbox from outside, and both have been looked at.
  if (exit.kind === 'killed' || exit.kind === 'network-lost') return { kind: 'signalled', signal: 9 };
  return exit.kind === 'exited'
    ? { kind: 'exited', status: exit.status }
    : { kind: 'signalled', signal: exit.signal };
}

function networkLost(name: string, spec: SandboxSpec): AirplantError {
  return new AirplantError(
    'ERR_NETWORK_HELPER',
    `the build of '${name}' lost its network: ${quote(spec.networkHelper?.program ?? '')} ended before the builder did`,
    {
      hint: 'Build it again; if that helps nothing, choose another program with `pasta-path` or `slirp4netns-path`.',
    },
  );
}

function isSuccess(outcome: Attempt['outcome']): boolean {
  return outcome.kind === 'exited' && outcome.status === 0;
}

function cancelled(name: string): AirplantError {
  return new AirplantError('ERR_ABORTED', `the build of '${name}' was cancelled`);
}

function unixTime(): number {
  return Math.floor(Date.now() / 1000);
}
