import type { BuildFailure, BuildStatus } from '../records.js';
import type { Variation } from './causes/facts.js';
import type { DifferenceReport } from './report.js';

/** How derivations are to be checked. */
export interface CheckOptions {
  /** Rebuilds that have to give the same outputs, at least 1. */
  readonly rounds: number;
  /** What was never built is built first; otherwise it is an error, as in Nix. */
  readonly buildMissing: boolean;
  /** What is made different in each of them, all at once; one by one when something differs. */
  readonly vary: readonly Variation[];
  /**
   * Whether diffoscope compares what differs, in a sandbox where builds have one. `if-installed`: where it is in PATH and
   * there is a sandbox, and for a minute at most; `true`: for five, with a warning where it is not installed.
   */
  readonly diffoscope: boolean | 'if-installed';
}

/** What came of checking one derivation. */
export interface CheckResult {
  readonly drvPath: string;
  /** `Same`: every rebuild gave the outputs that are in the store, byte for byte. */
  readonly status: 'Same' | BuildStatus;
  readonly outputs: readonly CheckedOutput[];
  readonly rounds: readonly CheckRound[];
  /** What differs, and why; absent where nothing does. */
  readonly report?: DifferenceReport;
  readonly error?: BuildFailure;
}

/** An output, as it is in the store. */
export interface CheckedOutput {
  readonly name: string;
  /** Store path. */
  readonly path: string;
  /** SHA-256 of the NAR as registered, SRI. */
  readonly narHash: string;
  /** Where what was made instead is kept: the store path with `.check` after it. Absent: nothing else was made. */
  readonly kept?: string;
}

/** One rebuild. */
export interface CheckRound {
  /** What was made different on purpose; nothing in a plain repeat. */
  readonly varied: readonly Variation[];
  /** What could not be made different here, and why, in a sentence. */
  readonly notVaried: readonly NotVaried[];
  /** What was made different, but not for every program. */
  readonly partlyVaried: readonly PartlyVaried[];
  /** `failed`: one that is varied may, or that follows a difference; any other is an error of the whole check. */
  readonly outcome: 'same' | 'differs' | 'failed';
  /** Names of the outputs that differ from those in the store. */
  readonly differing: readonly string[];
  readonly failure?: BuildFailure;
  /** Unix seconds. */
  readonly startTime: number;
  readonly stopTime: number;
}

export interface NotVaried {
  readonly variation: Variation;
  readonly why: string;
}

export interface PartlyVaried {
  readonly variation: Variation;
  /** What it changes and what not: the rest of a sentence that begins with its name. */
  readonly what: string;
}
