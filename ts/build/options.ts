import { availableParallelism } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { cacheDirectory } from '../config/cache-directory.js';
import { idSupply } from '../config/id-supply.js';
import { defaultShellItem, type Settings } from '../config/settings.js';
import { idsPerRange, largestId } from '../formats/subordinate-ids.js';
import { requireDarwinStore } from '../sandbox/darwin.js';
import { defaultShellPaths, findDefaultShell } from '../sandbox/default-shell.js';
import { requireStoreInPlace } from '../sandbox/fallback.js';
import { parseHostPath } from '../sandbox/host-paths.js';
import type { NetworkOptions } from '../sandbox/network.js';
import { findSandboxSystem, type SandboxSystem } from '../sandbox/sandbox-system.js';
import { completeHostPaths, type VisibleHost } from '../sandbox/visible-paths.js';
import { type StoreDirectories, storeUri } from '../store/directories.js';
import type { LocalStore } from '../store/local-store.js';
import { findBuildDirectory } from './build-directory.js';
import type { IdPolicy } from './builder-ids.js';
import { featureLimits } from './feature-limits.js';
import type { PostBuildHook } from './hook/post-build-hook.js';
import type { PreBuildHook } from './hook/pre-build-hook.js';
import type { HostPath } from './records.js';
import type { ResourcePolicy } from './resource-group.js';
import { visibleHost } from './visible-host.js';

/** What the engine needs to know of the settings; `open.ts` makes it from the settings table. */
export interface BuildOptions {
  /** Platform of this machine, e.g. `x86_64-linux`. */
  readonly system: string;
  readonly extraPlatforms: readonly string[];
  readonly systemFeatures: readonly string[];
  /** Builds at the same time, at least 1. */
  readonly maxJobs: number;
  /** How many builds at a time may require a system feature; of others any number. */
  readonly featureLimits: ReadonlyMap<string, number>;
  /** Value of NIX_BUILD_CORES. */
  readonly cores: number;
  /** Go on with what does not depend on a failed build. */
  readonly keepGoing: boolean;
  /** Keep what failed builders leave. */
  readonly keepFailed: boolean;
  /** Build what a substituter has but could not deliver. */
  readonly fallback: boolean;
  /** Which builds are sealed, see `isSealed`. */
  readonly sandbox: Settings['sandbox'];
  /** What plans the sandboxes. */
  readonly sandboxSystem: SandboxSystem;
  /** The files of the store lie where its paths say. */
  readonly storeInPlace: boolean;
  /** Host paths every build may see (`sandbox-paths`, `writable-sandbox-paths`, the default shell), complete. */
  readonly hostPaths: readonly HostPath[];
  /** Where the host paths of single builds are looked up. */
  readonly visibleHost: VisibleHost;
  /** Prefixes of what derivations may ask for in `__impureHostDeps`. */
  readonly allowedImpureHostDeps: readonly string[];
  /** Program to be run before each build. */
  readonly preBuildHook: PreBuildHook | undefined;
  /** Program to be run after each build that went well. */
  readonly postBuildHook: PostBuildHook | undefined;
  /** Absolute path of a program that tells two outputs apart when a check finds a difference. */
  readonly diffHook: string | undefined;
  /** Host directory in which build directories are made; undefined: in the scratch directories, beside the store. */
  readonly buildsIn: string | undefined;
  /** The build directory as the builder sees it, e.g. `/build`. */
  readonly sandboxBuildDirectory: string;
  /** Size option of the tmpfs on /dev/shm, e.g. `50%`. */
  readonly devShmSize: string;
  /** Filter the system calls of builders. */
  readonly filterSystemCalls: boolean;
  /** Builders may make user namespaces of their own. */
  readonly nestedNamespaces: boolean;
  /** Seconds; 0 = no limit. */
  readonly timeout: number;
  readonly maxSilentTime: number;
  /** What control groups are wanted for. */
  readonly resources: ResourcePolicy;
  /** Seconds between SIGTERM and SIGKILL; 0 = SIGKILL at once. */
  readonly terminationGrace: number;
  /** Bytes; 0 = no limit. */
  readonly maxBuildLogSize: number;
  readonly keepBuildLog: boolean;
  readonly compressBuildLog: boolean;
  /** Lines of the log shown when a build fails. */
  readonly logLines: number;
  /** The network that fixed-output derivations get. */
  readonly fixedOutputNetwork: 'auto' | 'private' | 'host';
  /** What connects builds that have a network of their own. */
  readonly network: NetworkOptions;
  /** Who builders are. */
  readonly ids: IdPolicy;
  /** Environment that `impureEnvVars` of fixed-output derivations are taken from. */
  readonly impureEnvironment: Readonly<Record<string, string | undefined>>;
}

/**
 * What the settings mean on this machine, for this store.
 *
 * Throws ERR_SANDBOX_REQUIRED when builds are to work in place (without a sandbox, or on macOS) and the store lies
 * elsewhere, ERR_SANDBOX_UNAVAILABLE where there is no sandbox for this platform, ERR_SANDBOX_PATH for a bad item of
 * `sandbox-paths` or `writable-sandbox-paths`, ERR_SETTING for a hook that is not absolute, for a `build-dir` that is unsafe
 * or of no use and for what `featureLimits` refuses.
 */
export async function makeBuildOptions(
  settings: Settings,
  store: LocalStore,
  env: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
  /** Of another machine than this, to see its sandboxes. */
  system?: SandboxSystem,
): Promise<BuildOptions> {
  const sandboxSystem = system ?? (await findSandboxSystem());
  if (sandboxSystem.kind === 'darwin') requireDarwinStore(store.directories);
  else if (settings.sandbox === false) requireStoreInPlace(store.directories);
  const cpus = availableParallelism();
  const cores = settings.cores || cpus;
  const visible = visibleHost(store, env);
  const hostPaths = await completeHostPaths(wishedPaths(settings), visible, {
    given: defaultShell(settings),
    signal,
  });
  return {
    system: settings.system,
    extraPlatforms: settings['extra-platforms'],
    systemFeatures: settings['system-features'],
    maxJobs: settings['max-jobs'],
    featureLimits: featureLimits(settings['max-jobs-per-feature'], { cores, cpus }),
    cores,
    keepGoing: settings['keep-going'],
    keepFailed: settings['keep-failed'],
    fallback: settings.fallback,
    sandbox: settings.sandbox,
    sandboxSystem,
    storeInPlace: store.directories.storeDir === store.directories.realStoreDir,
    hostPaths,
    visibleHost: visible,
    allowedImpureHostDeps: settings['allowed-impure-host-deps'],
    preBuildHook: preBuildHook(settings),
    postBuildHook: postBuildHook(settings, store.directories, env),
    diffHook: diffHook(settings),
    buildsIn: findBuildDirectory(settings['build-dir'], store.directories.realStoreDir),
    sandboxBuildDirectory: settings['sandbox-build-dir'],
    devShmSize: settings['sandbox-dev-shm-size'],
    filterSystemCalls: settings['filter-syscalls'],
    nestedNamespaces: settings['allow-nested-namespaces'],
    timeout: settings.timeout,
    maxSilentTime: settings['max-silent-time'],
    resources: {
      limits: {
        memoryBytes: settings['build-memory-max'],
        pids: settings['build-pids-max'],
        cpuPercent: settings['build-cpu-max'],
      },
      required: settings['require-build-limits'],
      always: settings['use-cgroups'],
      parent: namedGroup(settings),
    },
    terminationGrace: settings['build-termination-grace'],
    maxBuildLogSize: settings['max-build-log-size'],
    keepBuildLog: settings['keep-build-log'],
    compressBuildLog: settings['compress-build-log'],
    logLines: settings['log-lines'],
    fixedOutputNetwork: settings['fixed-output-network'],
    network: {
      pasta: settings['pasta-path'],
      slirp4netns: settings['slirp4netns-path'],
      timeoutSeconds: settings['network-helper-timeout'],
      searchPath: env['PATH'] ?? '',
    },
    ids: idPolicy(settings, store, env),
    impureEnvironment: env,
  };
}

function wishedPaths(settings: Settings) {
  const readOnly = settings['sandbox-paths']
    .filter((item) => item !== defaultShellItem)
    .map((item) => parseHostPath(item, { why: `sandbox-paths has ${quote(item)}` }));
  const writable = settings['writable-sandbox-paths'].map((item) =>
    parseHostPath(item, { why: `writable-sandbox-paths has ${quote(item)}`, readOnly: false }),
  );
  return [...readOnly, ...writable];
}

/** Nothing where a setting shows a shell of its own. */
function defaultShell(settings: Settings): readonly HostPath[] {
  if (!settings['sandbox-paths'].includes(defaultShellItem)) return [];
  const targets = wishedPaths(settings).map(({ target }) => target);
  return defaultShellPaths(targets, findDefaultShell());
}

function preBuildHook(settings: Settings): PreBuildHook | undefined {
  const program = hookProgram('pre-build-hook', settings);
  return program === undefined ? undefined : { program, timeoutSeconds: settings['pre-build-hook-timeout'] };
}

function postBuildHook(
  settings: Settings,
  directories: StoreDirectories,
  env: Readonly<Record<string, string | undefined>>,
): PostBuildHook | undefined {
  const program = settings['post-build-hook'];
  if (program === '') return undefined;
  if (program.includes('/') && !isAbsolute(program)) {
    throw new AirplantError(
      'ERR_SETTING',
      `setting 'post-build-hook' is neither an absolute path nor a name: ${quote(program)}`,
    );
  }
  const nixConfig = `${env['NIX_CONFIG'] ?? ''}\nstore = ${storeUri(directories)}\n`;
  return { program, timeoutSeconds: settings['post-build-hook-timeout'], env, nixConfig };
}

/** As in Nix, naming one is not enough. */
function diffHook(settings: Settings): string | undefined {
  return settings['run-diff-hook'] ? hookProgram('diff-hook', settings) : undefined;
}

function hookProgram(name: 'pre-build-hook' | 'diff-hook', settings: Settings): string | undefined {
  const program = settings[name];
  if (program === '') return undefined;
  if (isAbsolute(program)) return program;
  throw new AirplantError('ERR_SETTING', `setting '${name}' is not an absolute path: ${quote(program)}`);
}

/** Normalised; empty: to be looked for. */
function namedGroup(settings: Settings): string {
  const directory = settings['build-cgroup'];
  if (directory === '' || (isAbsolute(directory) && !directory.split('/').includes('..'))) {
    return directory === '' ? '' : normalize(directory).replace(/(?<=.)\/$/, '');
  }
  throw new AirplantError(
    'ERR_SETTING',
    `setting 'build-cgroup' is not an absolute path without \`..\`: ${quote(directory)}`,
  );
}

/** Root's locks are shared by all stores of a machine, and each store's with a Nix that allocates ids as well. */
function idPolicy(
  settings: Settings,
  { directories }: LocalStore,
  env: Readonly<Record<string, string | undefined>>,
): IdPolicy {
  const [startId, idCount] = [settings['start-id'], settings['id-count']];
  requireIds(startId, idCount);
  const supply = idSupply(env['PATH'] ?? '');
  const gid = process.getegid?.() ?? 0;
  return {
    supply,
    caller: {
      uid: process.geteuid?.() ?? 0,
      gid,
      groups: (process.getgroups?.() ?? []).filter((group) => group !== gid),
    },
    startId,
    idCount,
    lockDirectories: supply.hostRoot
      ? ['/run/airplant/userpool2', join(directories.stateDir, 'userpool2')]
      : [cacheDirectory('userpool2', env)],
  };
}

function requireIds(startId: number, idCount: number): void {
  const wrong = (name: string, value: number, expected: string) =>
    new AirplantError('ERR_SETTING', `setting '${name}' cannot be '${value}': it is ${expected}`, {
      details: { setting: name },
    });
  if (idCount < idsPerRange || idCount % idsPerRange !== 0 || idCount > largestId) {
    throw wrong('id-count', idCount, `a multiple of ${idsPerRange}, at least one of them`);
  }
  if (startId <= idsPerRange || startId + idCount - 1 > largestId) {
    throw wrong(
      'start-id',
      startId,
      `more than ${idsPerRange}, and with \`id-count\` ids less than 2^32 - 1`,
    );
  }
}
