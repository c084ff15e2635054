import { AirplantError, type ErrorDetails, isAirplantError } from '../base/errors.js';
import type { BuildEvent } from '../base/events.js';
import { printable } from '../base/quote.js';
import type { Attempt, BuildFailure, BuildStatus, PlannedBuild } from './records.js';

/** What was run, as far as it matters for what its end means. */
interface Judged {
  readonly drvPath: string;
  /** Of its outputs. */
  readonly wanted: PlannedBuild['wanted'];
  /** Its outputs are fixed, or it was given a network: it may have talked to the world. */
  readonly worldly: boolean;
}

/** Throws what a builder's end means, unless it ended well. The messages are Nix 2.8's. */
export function judge(judged: Judged, attempt: Attempt): void {
  const { drvPath } = judged;
  const { outcome, lastLines } = attempt;
  const details = { drvPath, lastLines };
  switch (outcome.kind) {
    case 'exited':
      if (outcome.status === 0) return;
      throw builderFailed(
        judged,
        attempt,
        `builder for '${drvPath}' failed with exit code ${outcome.status}`,
        {
          ...details,
          status: outcome.status,
        },
      );
    case 'signalled':
      throw builderFailed(
        judged,
        attempt,
        `builder for '${drvPath}' failed due to signal ${outcome.signal} (${signalName(outcome.signal)})`,
        { ...details, signal: outcome.signal },
      );
    case 'timeout':
      throw new AirplantError(
        'ERR_BUILD_TIMEOUT',
        `${goalName(judged)} timed out after ${outcome.afterSeconds} seconds`,
        { details },
      );
    case 'silent':
      throw new AirplantError(
        'ERR_BUILD_TIMEOUT',
        `${goalName(judged)} timed out after ${outcome.afterSeconds} seconds of silence`,
        { details },
      );
    case 'log-limit':
      throw new AirplantError(
        'ERR_LOG_LIMIT',
        `${goalName(judged)} killed after writing more than ${outcome.limitBytes} bytes of log output`,
        { details },
      );
  }
}

/** What Nix 2.8 calls the building of something, `*` standing for all outputs. */
function goalName({ drvPath, wanted }: Judged): string {
  return `building of '${drvPath}!${wanted === 'all' ? '*' : wanted.join(',')}' from .drv file`;
}

/**
 * As in Nix, a failure that may go away by itself has no part in the exit status 100: one on a full disk, or one of a
 * builder that may have talked to the world. Nix goes by the kind of derivation, as nothing else gives it a network there.
 */
function builderFailed(
  { worldly }: Judged,
  { diskNearlyFull }: Attempt,
  message: string,
  details: ErrorDetails,
): AirplantError {
  if (diskNearlyFull) {
    const note = 'note: build failure may have been caused by lack of free disk space';
    return new AirplantError('ERR_DISK_FULL', `${message}\n${note}`, { details });
  }
  const code = worldly ? 'ERR_BUILD_TRANSIENT' : 'ERR_BUILD_FAILED';
  return new AirplantError(code, message, { details });
}

/** The status Nix's BuildResult gives to an error. */
export function statusOf(error: unknown): BuildStatus {
  if (!isAirplantError(error)) return 'MiscFailure';
  switch (error.code) {
    case 'ERR_BUILD_FAILED':
    case 'ERR_BUILDER_MISSING':
    case 'ERR_BUILDER_EXEC':
      return 'PermanentFailure';
    case 'ERR_BUILD_TIMEOUT':
      return 'TimedOut';
    case 'ERR_HASH_MISMATCH':
      return 'HashMismatch';
    case 'ERR_NOT_DETERMINISTIC':
      return 'NotDeterministic';
    case 'ERR_SUBSTITUTE':
      return 'TransientFailure';
    case 'ERR_LOG_LIMIT':
      return 'LogLimitExceeded';
    case 'ERR_DEPENDENCY_FAILED':
      return 'DependencyFailed';
    case 'ERR_OUTPUT_MISSING':
    case 'ERR_OUTPUT_REJECTED':
    case 'ERR_UNSUPPORTED_FILE':
      return 'OutputRejected';
    case 'ERR_DERIVATION_SYNTAX':
    case 'ERR_DERIVATION_INVALID':
    case 'ERR_PLATFORM':
    case 'ERR_UNSUPPORTED':
    case 'ERR_INPUT_MISSING':
    case 'ERR_PATH_INVALID':
      return 'InputRejected';
    case 'ERR_DISK_FULL':
    case 'ERR_BUILD_TRANSIENT':
      return 'TransientFailure';
    case 'ERR_NETWORK_HELPER':
      return error.details['machine'] === false ? 'TransientFailure' : 'MiscFailure';
    case 'ERR_ABORTED':
      return 'Cancelled';
    default:
      return 'MiscFailure';
  }
}

/**
 * The exit status for everything that failed, as nix-build computes it: 100 for failed builds, plus 1 for a
 * time-out, plus 2 for a hash mismatch, combined by bits. Anything else is 1.
 */
export function exitStatusOf(errors: readonly unknown[]): number {
  let status = 0;
  for (const error of errors) {
    const own = isAirplantError(error) ? error.exitStatus : 1;
    if (own >= 100 && own < 128) status |= own;
  }
  if (status !== 0 || errors.length === 0) return status;
  const [first] = errors;
  return isAirplantError(first) ? first.exitStatus : 1;
}

/** The exit status for two pieces of work, as for all their errors together: by bits in Nix's 100 family, which goes before others. */
export function combineExitStatus(first: number, second: number): number {
  const bits = [first, second].filter((status) => status >= 100 && status < 128);
  return bits.length > 0 ? bits.reduce((all, status) => all | status) : first || second;
}

/** An error in the form it has in results and events. */
export function failureOf(error: unknown, drvPath?: string): BuildFailure {
  const where = drvPath === undefined ? {} : { drvPath };
  if (!isAirplantError(error)) {
    return {
      code: 'ERR_INTERNAL',
      // What the operating system says of a file holds its name, which a builder may have chosen.
      message: printable(error instanceof Error ? error.message : String(error)),
      hint: '',
      ...where,
    };
  }
  const lines = error.details['lastLines'];
  const lastLines = Array.isArray(lines) ? { lastLines: lines as readonly string[] } : {};
  const kept = error.details['keptDirectory'];
  const keptDirectory = typeof kept === 'string' ? { keptDirectory: kept } : {};
  return {
    code: error.code,
    message: error.message,
    hint: error.hint,
    ...where,
    ...lastLines,
    ...keptDirectory,
  };
}

/** The event that tells of an error. `path` is the derivation, or the wanted path that nothing can make. */
export function failedEvent(path: string, failure: BuildFailure): BuildEvent {
  const { code, message, hint, lastLines = [] } = failure;
  return { type: 'build.failed', drvPath: path, code, message, hint, lastLines };
}

/** Names as strsignal(3) gives them, which Nix's messages contain. */
export function signalName(signal: number): string {
  const names: Readonly<Record<number, string>> = {
    1: 'Hangup',
    2: 'Interrupt',
    3: 'Quit',
    4: 'Illegal instruction',
    5: 'Trace/breakpoint trap',
    6: 'Aborted',
    7: 'Bus error',
    8: 'Floating point exception',
    9: 'Killed',
    10: 'User defined signal 1',
    11: 'Segmentation fault',
    12: 'User defined signal 2',
    13: 'Broken pipe',
    14: 'Alarm clock',
    15: 'Terminated',
    24: 'CPU time limit exceeded',
    25: 'File size limit exceeded',
    31: 'Bad system call',
  };
  return names[signal] ?? `Unknown signal ${signal}`;
}
