import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { defaultShellItem, type Settings } from '../config/settings.js';
import { defaultShellPaths, findDefaultShell } from '../sandbox/default-shell.js';
import { requireStoreInPlace } from '../sandbox/fallback.js';
import { parseHostPath } from '../sandbox/host-paths.js';
import type { NetworkOptions } from '../sandbox/network.js';
import { completeHostPaths, type VisibleHost } from '../sandbox/visible-paths.js';
import type { LocalStore } from '../store/local-store.js';
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
  /** Value of NIX_BUILD_CORES. */
  readonly cores: number;
  /** Go on with what does not depend on a failed build. */
  readonly keepGoing: boolean;
  /** Which builds are sealed, see `isSealed`. */
  readonly sandbox: Settings['sandbox'];
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
  /** How many supplementary groups the caller has: an ordinary user cannot drop them. */
  readonly supplementaryGroups: number;
  /** Environment that `impureEnvVars` of fixed-output derivations are taken from. */
  readonly impureEnvironment: Readonly<Record<string, string | undefined>>;
}

/**
 * What the settings mean on this machine, for this store.
 *
 * Throws ERR_SANDBOX_REQUIRED when builds are to run without a sandbox and cannot, ERR_SANDBOX_UNAVAILABLE
 * where there is none for this platform, ERR_SANDBOX_PATH for a bad item of `sandbox-paths` or `writable-sandbox-paths`,
 * ERR_SETTING for a pre-build hook that is not absolute.
 */
export async function makeBuildOptions(
  settings: Settings,
  store: LocalStore,
  env: Readonly<Record<string, string | undefined>>,
): Promise<BuildOptions> {
  requireSandbox(settings, store);
  const visible = visibleHost(store, env);
  const hostPaths = await completeHostPaths(wishedPaths(settings), visible, defaultShell(settings));
  return {
    system: settings.system,
    extraPlatforms: settings['extra-platforms'],
    systemFeatures: settings['system-features'],
    maxJobs: settings['max-jobs'],
    cores: settings.cores || availableParallelism(),
    keepGoing: settings['keep-going'],
    sandbox: settings.sandbox,
    storeInPlace: store.directories.storeDir === store.directories.realStoreDir,
    hostPaths,
    visibleHost: visible,
    allowedImpureHostDeps: settings['allowed-impure-host-deps'],
    preBuildHook: preBuildHook(settings),
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
    supplementaryGroups: supplementaryGroups(),
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
  const program = settings['pre-build-hook'];
  if (program === '') return undefined;
  if (!isAbsolute(program)) {
    throw new AirplantError(
      'ERR_SETTING',
      `setting 'pre-build-hook' is not an absolute path: ${quote(program)}`,
    );
  }
  return { program, timeoutSeconds: settings['pre-build-hook-timeout'] };
}

/** There is no silent way to less isolation: what cannot be sealed as asked is refused. */
function requireSandbox({ sandbox }: Settings, { directories }: LocalStore): void {
  if (sandbox === false) {
    requireStoreInPlace(directories);
    return;
  }
  if (process.platform !== 'linux') {
    throw new AirplantError(
      'ERR_SANDBOX_UNAVAILABLE',
      `there is no sandbox for ${process.platform} in this version`,
      {
        hint: 'Build on Linux.',
      },
    );
  }
}

/** Groups of the caller besides the effective one. */
function supplementaryGroups(): number {
  return (process.getgroups?.() ?? []).filter((group) => group !== process.getegid?.()).length;
}
