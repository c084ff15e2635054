import { availableParallelism } from 'node:os';
import { AirplantError } from '../base/errors.js';
import { defaultShellItem, type Settings } from '../config/settings.js';
import { findDefaultShell, withDefaultShell } from '../sandbox/default-shell.js';
import { requireStoreInPlace } from '../sandbox/fallback.js';
import { closeHostPaths, parseHostPath } from '../sandbox/host-paths.js';
import type { LocalStore } from '../store/local-store.js';
import type { HostPath } from './records.js';
import type { ResourcePolicy } from './resource-group.js';

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
  /** Host paths every build may see (`sandbox-paths`, `extra-sandbox-paths`, the default shell). */
  readonly hostPaths: readonly HostPath[];
  /** The build directory as the builder sees it, e.g. `/build`. */
  readonly sandboxBuildDirectory: string;
  /** Size option of the tmpfs on /dev/shm, e.g. `50%`. */
  readonly devShmSize: string;
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
  /** How many supplementary groups the caller has: an ordinary user cannot drop them. */
  readonly supplementaryGroups: number;
  /** Environment that `impureEnvVars` of fixed-output derivations are taken from. */
  readonly impureEnvironment: Readonly<Record<string, string | undefined>>;
}

/**
 * What the settings mean on this machine, for this store.
 *
 * Throws ERR_SANDBOX_REQUIRED or ERR_UNSUPPORTED when builds are to run without a sandbox, ERR_SANDBOX_UNAVAILABLE
 * where there is none for this platform, ERR_SANDBOX_PATH for a bad item of `sandbox-paths`.
 */
export function makeBuildOptions(
  settings: Settings,
  store: LocalStore,
  env: Readonly<Record<string, string | undefined>>,
): BuildOptions {
  requireSandbox(settings, store);
  const items = settings['sandbox-paths'];
  const named = items
    .filter((item) => item !== defaultShellItem)
    .map((item) => parseHostPath(item, { why: `sandbox-paths has '${item}'` }));
  const shell = items.includes(defaultShellItem) ? findDefaultShell() : undefined;
  const { storeDir, realStoreDir } = store.directories;
  const view = {
    storeDir,
    realPath: (path: string) => realStoreDir + path.slice(storeDir.length),
    closure: (paths: readonly string[]) => store.closure(paths),
  };
  return {
    system: settings.system,
    extraPlatforms: settings['extra-platforms'],
    systemFeatures: settings['system-features'],
    maxJobs: settings['max-jobs'],
    cores: settings.cores || availableParallelism(),
    keepGoing: settings['keep-going'],
    hostPaths: withDefaultShell(closeHostPaths(named, view), shell),
    sandboxBuildDirectory: settings['sandbox-build-dir'],
    devShmSize: settings['sandbox-dev-shm-size'],
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
    supplementaryGroups: supplementaryGroups(),
    impureEnvironment: env,
  };
}

/** There is no silent way to less isolation: what cannot be sealed as asked is refused. */
function requireSandbox({ sandbox }: Settings, { directories }: LocalStore): void {
  if (sandbox === false) {
    requireStoreInPlace(directories);
    throw new AirplantError('ERR_UNSUPPORTED', 'builds without a sandbox were asked for (sandbox = false)', {
      hint: 'Leave `sandbox` at true: every build of this version is sealed.',
    });
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
