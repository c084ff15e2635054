import type { AirplantError } from '../base/errors.js';
import type { Derivation } from '../derivation/derivation.js';
import type { Hash } from '../formats/hash.js';
import type { Isolation, ResourceUsage } from '../sandbox/spec.js';

export type { BuildLimits, BuildRequest, HostPath, RequestFile, RequestOutput } from '../sandbox/request.js';

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
  /** Paths to substitute, references first. */
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
  /** What of it was asked for, by the user or by the derivations that need it. */
  readonly wanted: 'all' | readonly string[];
  /** drvPaths in `Plan.build` that must be done first. */
  readonly dependsOn: readonly string[];
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
  /** The builder failed and left its disk nearly full, which may be why. */
  readonly diskNearlyFull: boolean;
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
  /** It is not what was promised, and only to be compared with that. */
  readonly mismatch?: AirplantError;
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
  | 'HashMismatch'
  | 'NotDeterministic'
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
  /** Host path of the build directory, if it was kept. */
  readonly keptDirectory?: string;
}
