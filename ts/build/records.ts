import type { Derivation } from '../derivation/derivation.js';
import type { Hash } from '../formats/hash.js';
import type { Isolation, ResourceUsage } from '../sandbox/spec.js';

/**
 * The records between the steps of a build (design: plan → request → sandbox → attempt → settled → registered).
 * All are plain data: printable, comparable, fit to be sent to another host.
 */

/** What is wanted: a store path, or some outputs of a derivation. */
export type Wanted =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'outputs'; readonly drvPath: string; readonly outputs: 'all' | readonly string[] };

/** The whole of what realising the wanted paths takes; printed by `--dry-run`. */
export interface Plan {
  /** Derivations to build, dependencies first. */
  readonly build: readonly PlannedBuild[];
  /** Paths to substitute. */
  readonly substitute: readonly string[];
  /** Wanted or needed paths that are valid already. */
  readonly valid: readonly string[];
  /** Paths nothing can make. */
  readonly unknown: readonly string[];
}

export interface PlannedBuild {
  readonly drvPath: string;
  readonly derivation: Derivation;
  /** Output names that have to be made (the others are valid already). */
  readonly missing: readonly string[];
  /** drvPaths in `Plan.build` that must be done first. */
  readonly dependsOn: readonly string[];
}

/** One build, without any notion of derivations: what a remote executor would be sent. */
export interface BuildRequest {
  /** For messages and directory names only. */
  readonly name: string;
  readonly system: string;
  /** Absolute path inside the sandbox. */
  readonly builder: string;
  /** Arguments after argv[0]. */
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Files put into the build directory before the builder starts. */
  readonly files: readonly RequestFile[];
  /** Closure of the inputs: logical store paths. */
  readonly inputs: readonly string[];
  readonly outputs: readonly RequestOutput[];
  /** Equal-length replacements made in `args`, `env` and `files` (placeholders already resolved). */
  readonly rewrites: readonly (readonly [from: string, to: string])[];
  /** Host paths the build may see, each `[target=]source[?]` already parsed. */
  readonly hostPaths: readonly HostPath[];
  readonly limits: BuildLimits;
  readonly network: 'none' | 'host';
  readonly personality: number;
}

export interface RequestFile {
  /** Name inside the build directory, one component. */
  readonly name: string;
  readonly contents: string;
  readonly mode: number;
}

export interface RequestOutput {
  readonly name: string;
  /** Store path the builder writes to (inside the sandbox, the final path). */
  readonly scratchPath: string;
}

/** A host file or directory made visible in the sandbox. */
export interface HostPath {
  readonly target: string;
  readonly source: string;
  readonly optional: boolean;
  readonly readOnly: boolean;
  /** Where the wish came from: a setting, the default shell, a hook, the module. */
  readonly why: string;
}

/** Seconds and bytes; 0 = no limit, as in Nix. */
export interface BuildLimits {
  readonly timeoutSeconds: number;
  readonly maxSilentSeconds: number;
  readonly maxLogBytes: number;
}

/** What one run of a builder came to. Its outputs still lie where the builder wrote them. */
export interface Attempt {
  readonly outcome:
    | { readonly kind: 'exited'; readonly status: number }
    | { readonly kind: 'signalled'; readonly signal: number }
    | { readonly kind: 'timeout'; readonly afterSeconds: number }
    | { readonly kind: 'silent'; readonly afterSeconds: number }
    | { readonly kind: 'log-limit'; readonly limitBytes: number };
  /** Unix seconds. */
  readonly startedAt: number;
  readonly stoppedAt: number;
  readonly usage: ResourceUsage;
  readonly isolation: Isolation;
  /** The last lines of the log, newest last, for the error message. */
  readonly lastLines: readonly string[];
  /** Host path of each output that the builder made, by output name. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** One output, canonicalised, scanned and hashed, ready to be moved into the store. */
export interface SettledOutput {
  readonly name: string;
  /** Final logical store path. */
  readonly path: string;
  /** Where it lies now on the host. */
  readonly source: string;
  readonly narHash: Hash;
  readonly narSize: number;
  readonly references: readonly string[];
  readonly contentAddress?: string;
}

export interface Settled {
  readonly drvPath: string;
  /** Referenced outputs before the outputs that refer to them. */
  readonly outputs: readonly SettledOutput[];
}

/** Status names of Nix's BuildResult; the wire numbers are in `wire/`. */
export type BuildStatus =
  | 'Built'
  | 'Substituted'
  | 'AlreadyValid'
  | 'PermanentFailure'
  | 'InputRejected'
  | 'OutputRejected'
  | 'TransientFailure'
  | 'TimedOut'
  | 'MiscFailure'
  | 'DependencyFailed'
  | 'LogLimitExceeded'
  | 'NotDeterministic'
  | 'HashMismatch'
  | 'Cancelled';

/** What became of one wanted derivation or path. */
export interface BuildResult {
  readonly wanted: Wanted;
  readonly status: BuildStatus;
  /** Store path by output name (for a plain path: `{out: path}`). Empty on failure. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly error?: BuildFailure;
  /** Unix seconds; 0 when nothing ran. */
  readonly startTime: number;
  readonly stopTime: number;
  readonly usage?: ResourceUsage;
  readonly isolation?: Isolation;
}

/** An error in serialisable form. */
export interface BuildFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly drvPath?: string;
  readonly lastLines?: readonly string[];
}
