import { chmodSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { encodeText } from '../base/text.js';
import { native } from '../native.js';
import { rewriteText } from '../sandbox/command.js';
import { describeIsolation } from '../sandbox/isolation.js';
import { killAtOnce, launchSandbox } from '../sandbox/launch.js';
import { currentLauncher } from '../sandbox/launcher.js';
import { planLinuxSandbox } from '../sandbox/linux.js';
import type { SandboxExit, SandboxSpec } from '../sandbox/spec.js';
import type { StoreDirectories } from '../store/directories.js';
import { isDiskNearlyFull } from './disk-space.js';
import type { AttemptHooks, Executor, ExecutorJob, FinishedAttempt } from './executor.js';
import { LastLines } from './last-lines.js';
import type { BuildOptions } from './options.js';
import type { Attempt, BuildRequest } from './records.js';
import { inheritedShortfalls, makeResourceGroup } from './resource-group.js';
import { Watchdog } from './watchdog.js';

type LocalExecutorOptions = Pick<
  BuildOptions,
  | 'sandboxBuildDirectory'
  | 'devShmSize'
  | 'logLines'
  | 'supplementaryGroups'
  | 'terminationGrace'
  | 'resources'
>;

/** Runs requests in a sandbox on this machine. */
export class LocalExecutor implements Executor {
  readonly name = 'local';
  readonly #options: LocalExecutorOptions;
  readonly #store: StoreDirectories;

  constructor(options: LocalExecutorOptions, store: StoreDirectories) {
    this.#options = options;
    this.#store = store;
  }

  async run({ request, scratch }: ExecutorJob, hooks: AttemptHooks): Promise<FinishedAttempt> {
    // Should this process be killed, the launcher removes the directory.
    const unguard = currentLauncher().guard(scratch);
    const remove = async () => {
      await native.removeTree(scratch);
      unguard();
    };
    try {
      const place = await this.#makePlace(scratch, request);
      const attempt = await this.#attempt({ request, place }, hooks);
      return { attempt, privateDirectory: place.privateDirectory, [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  /** The sandbox a request gets; pure, printed by `airplant show-sandbox`. */
  plan(request: BuildRequest, place: Place): SandboxSpec {
    const { storeDir, realStoreDir } = this.#store;
    const { sandboxBuildDirectory, devShmSize } = this.#options;
    return planLinuxSandbox(request, {
      ...place,
      storeDir,
      realStoreDir,
      sandboxBuildDirectory,
      devShmSize,
      kvm: request.features.includes('kvm'),
    });
  }

  /** Where the parts of a scratch directory lie. Its top level is 0700: no other user gets any further. */
  place(scratch: string): Place {
    return {
      scratch,
      root: join(scratch, 'root'),
      outputDirectory: join(scratch, 'store'),
      buildDirectory: join(scratch, 'build'),
      privateDirectory: join(scratch, 'private'),
    };
  }

  async #makePlace(scratch: string, request: BuildRequest): Promise<Place> {
    const place = this.place(scratch);
    await native.removeTree(scratch);
    try {
      mkdirSync(scratch, { mode: 0o700 });
      mkdirSync(place.root, { mode: 0o700 });
      mkdirSync(place.outputDirectory);
      // As Nix has it; mkdir's mode is subject to the umask.
      chmodSync(place.outputDirectory, 0o1775);
      mkdirSync(place.buildDirectory, { mode: 0o700 });
      mkdirSync(place.privateDirectory, { mode: 0o700 });
      for (const { name, contents, mode } of request.files) {
        const file = join(place.buildDirectory, name);
        writeFileSync(file, encodeText(rewriteText(contents, request.rewrites)), { flag: 'wx' });
        chmodSync(file, mode);
      }
      return place;
    } catch (cause) {
      throw fileSystemError(cause, scratch);
    }
  }

  async #attempt(job: { request: BuildRequest; place: Place }, hooks: AttemptHooks): Promise<Attempt> {
    const { request, place } = job;
    const planned = this.plan(request, place);
    const { group, shortfalls } = await makeResourceGroup(this.#options.resources);
    const spec = group ? { ...planned, controlGroup: group.directory } : planned;
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
      const outcome = verdict ?? outcomeOf(exit);
      return {
        outcome,
        startedAt,
        stoppedAt: unixTime(),
        usage: { ...exit.usage, ...used },
        isolation: {
          ...isolation,
          ...(group ? { limits: group.applied } : {}),
          shortfalls: [...isolation.shortfalls, ...inheritedShortfalls(spec.limits), ...shortfalls],
        },
        diskNearlyFull: !isSuccess(outcome) && (await isDiskNearlyFull(place.scratch)),
        lastLines: tail.lines(),
        outputs: this.#outputs(place, request),
      };
    } catch (error) {
      if (hooks.signal.aborted) throw cancelled(request.name);
      throw error;
    } finally {
      await group?.finish();
      watchdog.stop();
    }
  }

  #outputs({ outputDirectory }: Place, { outputs }: BuildRequest): Map<string, string> {
    const made = outputs
      .map(({ name, scratchPath }) => [name, join(outputDirectory, basename(scratchPath))] as const)
      .filter(([, path]) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
    return new Map(made);
  }
}

/** The directories of one attempt, as host paths. */
export interface Place {
  readonly scratch: string;
  readonly root: string;
  /** What the builder sees as the store directory, with its outputs. */
  readonly outputDirectory: string;
  readonly buildDirectory: string;
  /** Never visible in the sandbox. */
  readonly privateDirectory: string;
}

function outcomeOf(exit: SandboxExit): Attempt['outcome'] {
  // Nothing but an abort or a limit kills a sandbox from outside, and both have been looked at.
  if (exit.kind === 'killed') return { kind: 'signalled', signal: 9 };
  return exit.kind === 'exited'
    ? { kind: 'exited', status: exit.status }
    : { kind: 'signalled', signal: exit.signal };
}

function isSuccess(outcome: Attempt['outcome']): boolean {
  return outcome.kind === 'exited' && outcome.status === 0;
}

function cancelled(name: string): AirplantError {
  return new AirplantError('ERR_ABORTED', `the build of '${name}' was cancelled`);
}

function fileSystemError(cause: unknown, path: string): AirplantError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AirplantError('ERR_DISK_FULL', `no space left for the build directory '${path}'`, { cause });
  }
  return new AirplantError('ERR_FILE', `cannot make the build directory '${path}': ${code}`, { cause });
}

function unixTime(): number {
  return Math.floor(Date.now() / 1000);
}
