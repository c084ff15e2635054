import type { Host } from './host.js';

/** A step of setting up a sandbox that the kernel refused, as the launcher names it. */
export interface FailedStep {
  readonly step: string;
  /** Name of the errno: `EPERM`. */
  readonly errno: string;
  /** Path the step was about, or empty. */
  readonly path: string;
}

/** Why a step failed, and what to do about it. */
export interface Explanation {
  /** One sentence that names the fact found. */
  readonly cause: string;
  /** One sentence with the exact command or setting. */
  readonly cure: string;
}

/** One thing that can be wrong with a host. */
export interface Cause {
  applies(failure: FailedStep, host: Host): boolean;
  explain(failure: FailedStep, host: Host): Explanation;
}

/** True for the refusals that permission checks give. */
export function isRefusal(errno: string): boolean {
  return errno === 'EPERM' || errno === 'EACCES';
}

/**
 * True for a full disk, inode table or quota. Only where something is made: ENOSPC of a mount or a namespace, and EDQUOT
 * of a keyring, are limits of the kernel.
 */
export function isDiskFull({ step, errno }: FailedStep): boolean {
  const makes = ['make-directory', 'make-file', 'make-symlink', 'make-target'];
  return makes.includes(step) && (errno === 'ENOSPC' || errno === 'EDQUOT');
}
