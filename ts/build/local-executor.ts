import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { callersIdentity, type Identity } from '../sandbox/identity.js';
import { launchSandbox } from '../sandbox/launch.js';
import { currentLauncher } from '../sandbox/launcher.js';
import type { ChosenConnection } from '../sandbox/network.js';
import type { SandboxExit, SandboxSpec } from '../sandbox/spec.js';
import type { StoreDirectories } from '../store/directories.js';
import { foreseenIdentity, type TakenIdentity, takeBackMaps, takeIdentity } from './builder-ids.js';
import type { AttemptHooks, Executor, ExecutorJob, FinishedAttempt, KeptFailure } from './executor.js';
import { keepFailed } from './failed/keep.js';
import { type FinishedRequest, makeRecord } from './failed/make-record.js';
import { lockHostPaths } from './host-path-locks.js';
import { fetchOutputs } from './made-outputs.js';
import { NetworkChoice } from './network-choice.js';
import type { BuildOptions } from './options.js';
import { planSandbox, type SandboxParties } from './plan-sandbox.js';
import type { Attempt, BuildRequest } from './records.js';
import { ResourceGroups } from './resource-group.js';
import { cancelled, runAttempt } from './run-attempt.js';
import { makePlace, type Place, placeOf, removePlace } from './scratch.js';
import { uidRange } from './supported.js';

type LocalExecutorOptions = Pick<
  BuildOptions,
  | 'buildsIn'
  | 'sandboxBuildDirectory'
  | 'devShmSize'
  | 'filterSystemCalls'
  | 'nestedNamespaces'
  | 'logLines'
  | 'ids'
  | 'network'
  | 'terminationGrace'
  | 'resources'
  | 'sandboxSystem'
>;

/** A job whose directories and builder are known. */
interface PlacedJob extends Omit<ExecutorJob, 'scratch'> {
  readonly place: Place;
  readonly identity: Identity;
}

/** How a sandbox is entered again. */
export interface Entering {
  /** The first word is the program, an absolute path in the sandbox. */
  readonly argv: readonly [string, ...string[]];
  /** Standard input, output and error; they stay open until the end. */
  readonly stdio: readonly [number, number, number];
  /** Standard input is a terminal made for this alone. */
  readonly terminal: boolean;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Runs requests in a sandbox on this machine. */
export class LocalExecutor implements Executor {
  readonly name = 'local';
  readonly #options: LocalExecutorOptions;
  readonly #store: StoreDirectories;
  readonly #network: NetworkChoice;
  readonly #groups: ResourceGroups;
  readonly #launch: typeof launchSandbox;

  /** `launch` carries out what was planned. */
  constructor(
    options: LocalExecutorOptions,
    store: StoreDirectories,
    { launch = launchSandbox }: { readonly launch?: typeof launchSandbox } = {},
  ) {
    this.#options = options;
    this.#store = store;
    this.#launch = launch;
    this.#network = new NetworkChoice(options.network);
    this.#groups = new ResourceGroups(options.resources);
  }

  async run(
    { request, scratch, keepAt, observe, prepare }: ExecutorJob,
    hooks: AttemptHooks,
  ): Promise<FinishedAttempt> {
    const { ids, buildsIn } = this.#options;
    // Given back whatever happens, and last: until then nobody else's builder is who this one was.
    using held = await this.#takeIdentity(request, hooks);
    const { identity } = held;
    const place = placeOf(scratch, { buildsIn });
    const unguard: (() => void)[] = [];
    const remove = async () => {
      await removePlace(place, takeBackMaps(ids));
      for (const release of unguard) release();
    };
    try {
      // Should this process be killed, the launcher removes the directories.
      for (const directory of [scratch, ...(place.buildTop === undefined ? [] : [place.buildTop])]) {
        unguard.push(currentLauncher().guard(directory));
      }
      const ran = await this.#connectAndRun({ request, place, prepare, observe, identity }, hooks);
      const { attempt, request: run } = ran;
      const keep = async (failure: KeptFailure, directory: string) => {
        const at = placeOf(directory, { buildsIn });
        await keepFailed(place, {
          at,
          record: makeRecord(failure, { ...ran, place, at }, this.#options),
          idMaps: takeBackMaps(ids),
          forBuilder: identity.idMaps?.uids !== undefined,
        });
        return at.buildDirectory;
      };
      return {
        attempt,
        request: run,
        privateDirectory: place.privateDirectory,
        ...(keepAt === undefined ? {} : { keep: (failure: KeptFailure) => keep(failure, keepAt) }),
        [Symbol.asyncDispose]: remove,
      };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  /** How a request will be connected with the network it asks for. Throws ERR_NETWORK_HELPER. */
  connect(request: BuildRequest): Promise<ChosenConnection | undefined> {
    return this.#network.connect(request);
  }

  /** The sandbox a request gets; pure, printed by `airplant show-sandbox`. */
  plan(request: BuildRequest, place: Place, who: SandboxParties): SandboxSpec {
    return planSandbox(request, place, who, { options: this.#options, store: this.#store });
  }

  /**
   * Runs another command in the sandbox of a request, in a place that is there already, with the builder's environment.
   * No time limit is kept, nor one for what is written.
   *
   * Throws what `run` throws.
   */
  async enter(request: BuildRequest, place: Place, entering: Entering): Promise<SandboxExit> {
    const { argv, stdio, terminal, onWarning, signal } = entering;
    using held = await this.#takeIdentity(request, { onWarning, signal, onLog: () => undefined });
    using _locks = await this.#lockHostPaths(request, { signal, onWarning });
    const chosen = await this.connect(request);
    const spec = this.#planIn(request, place, { identity: held.identity, connection: chosen?.connection });
    const { group, warning } = await this.#groups.make(request.limits);
    if (warning !== undefined) onWarning(warning);
    const command = { ...spec.command, path: argv[0]!, argv, controllingTerminal: terminal };
    try {
      const sandbox = await this.#launch(
        { ...spec, command, ...(group ? { controlGroup: group.directory } : {}) },
        { stdio, signal, graceSeconds: this.#options.terminationGrace },
      );
      return await sandbox.exit;
    } finally {
      await group?.finish();
    }
  }

  /** Who the builder of a request would be, for `plan`. */
  foreseeIdentity(request: BuildRequest): Identity {
    return request.inPlace ? callersIdentity : foreseenIdentity(this.#options.ids, wishOf(request));
  }

  /** The same for a place that exists. */
  #planIn(...[request, place, who]: Parameters<LocalExecutor['plan']>): SandboxSpec {
    return keepPlaced(this.plan(request, place, who), place.root);
  }

  async #takeIdentity(request: BuildRequest, hooks: AttemptHooks): Promise<TakenIdentity> {
    if (request.inPlace) return { identity: callersIdentity, [Symbol.dispose]() {} };
    try {
      return await takeIdentity(this.#options.ids, wishOf(request), {
        signal: hooks.signal,
        onWait: () => hooks.onWarning(`the build of '${request.name}' waits for a range of ids`),
      });
    } catch (error) {
      throw hooks.signal.aborted ? cancelled(request.name) : error;
    }
  }

  async #lockHostPaths(
    { name, hostPaths }: BuildRequest,
    { signal, onWarning }: Pick<AttemptHooks, 'signal' | 'onWarning'>,
  ): Promise<Disposable> {
    try {
      return await lockHostPaths(hostPaths, this.#store, {
        signal,
        rootBuilds: process.geteuid?.() === 0 && !this.#options.ids.supply.hostRoot,
        onWait: (why) => onWarning(`the build of '${name}' waits: ${why}`),
      });
    } catch (error) {
      throw signal.aborted ? cancelled(name) : error;
    }
  }

  async #connectAndRun(job: PlacedJob, hooks: AttemptHooks): Promise<FinishedRequest> {
    const { place, prepare, identity } = job;
    const owner = {
      forBuilder: identity.idMaps?.uids !== undefined,
      takeBack: takeBackMaps(this.#options.ids),
    };
    await makePlace(place, job.request, { storeDir: this.#store.storeDir, owner });
    const root = job.request.inPlace ? undefined : place.root;
    const request = prepare ? await prepare(root, hooks) : job.request;
    const attempt = await this.#tryToRun({ ...job, request }, hooks);
    // Again from the beginning, with all that the first try has made or taken gone.
    return attempt ? { attempt, request } : await this.#connectAndRun(job, hooks);
  }

  /** Undefined when this machine proved to have no private network, and `auto` makes room for the host's. */
  async #tryToRun(job: PlacedJob, hooks: AttemptHooks): Promise<Attempt | undefined> {
    const { request, place } = job;
    using _locks = await this.#lockHostPaths(request, hooks);
    const chosen = await this.connect(request);
    try {
      const attempt = this.#attempt({ ...job, chosen }, hooks);
      return await (request.inPlace ? fetchOutputs(request, place, attempt) : attempt);
    } catch (error) {
      if (this.#network.giveUpPrivate(error, request, chosen)) return undefined;
      throw error;
    }
  }

  async #attempt(
    job: PlacedJob & { readonly chosen: ChosenConnection | undefined },
    hooks: AttemptHooks,
  ): Promise<Attempt> {
    const { request, place, observe, identity, chosen } = job;
    const spec = this.#planIn(request, place, { identity, connection: chosen?.connection });
    const warning = this.#network.warning(chosen);
    if (warning !== undefined) hooks.onWarning(warning);
    const lacking = chosen?.instead ? [`It has no network of its own: ${chosen.instead.cause}`] : [];
    const context = { options: this.#options, groups: this.#groups, launch: this.#launch };
    return await runAttempt({ request, place, spec, observe, lacking }, hooks, context);
  }
}

function wishOf({ features }: BuildRequest): { readonly range: boolean } {
  return { range: features.includes(uidRange) };
}

/** What a hook has put into the root stays: a file of ours that would be at the same place is not made. */
function keepPlaced(spec: SandboxSpec, root: string): SandboxSpec {
  const entries = spec.entries.filter(
    ({ kind, target }) =>
      (kind !== 'file' && kind !== 'symlink') || !lstatSync(join(root, target), { throwIfNoEntry: false }),
  );
  return { ...spec, entries };
}
