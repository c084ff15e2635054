import type { HostPath } from './records.js';

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
  readonly sandbox: boolean;
  /** Host paths every build may see (`sandbox-paths`, `extra-sandbox-paths`, the default shell). */
  readonly hostPaths: readonly HostPath[];
  /** The build directory as the builder sees it, e.g. `/build`. */
  readonly sandboxBuildDirectory: string;
  /** Size option of the tmpfs on /dev/shm, e.g. `50%`. */
  readonly devShmSize: string;
  /** Seconds; 0 = no limit. */
  readonly timeout: number;
  readonly maxSilentTime: number;
  /** Bytes; 0 = no limit. */
  readonly maxBuildLogSize: number;
  readonly keepBuildLog: boolean;
  /** Lines of the log shown when a build fails. */
  readonly logLines: number;
  /** Environment that `impureEnvVars` of fixed-output derivations are taken from. */
  readonly impureEnvironment: Readonly<Record<string, string | undefined>>;
}
