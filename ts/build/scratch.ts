import { join } from 'node:path';

/** The directories of one attempt. */
export interface Place {
  readonly scratch: string;
  readonly root: string;
  /** What the builder sees as the store directory, with its outputs. */
  readonly outputDirectory: string;
  readonly buildDirectory: string;
  /** Never visible in the sandbox. */
  readonly privateDirectory: string;
}

/** The scratch directory of a derivation, beside its file: nobody else uses it, and collectors leave it alone. */
export function scratchOf(drvPath: string): string {
  return `${drvPath}.chroot`;
}

/** Where the parts of a scratch directory lie. Its top level is 0700: no other user gets any further. */
export function placeOf(scratch: string): Place {
  return {
    scratch,
    root: join(scratch, 'root'),
    outputDirectory: join(scratch, 'store'),
    buildDirectory: join(scratch, 'build'),
    privateDirectory: join(scratch, 'private'),
  };
}
