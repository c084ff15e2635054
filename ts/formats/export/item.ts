/** What follows the NAR of each path in an export stream. Store paths are in full, and have not been looked at. */
export interface ExportedPath {
  readonly path: string;
  readonly references: readonly string[];
  readonly deriver?: string;
}

/** The number between a NAR and what is said of it: `NIXE`, read as a number of 32 bits. */
export const exportMagic = 0x4558494e;

/** Most bytes of a path in a stream: PATH_MAX. */
export const longestPath = 4096;

/**
 * Most references one path may have. A hundred times what any has; what a hostile stream makes a reader keep stays below
 * a few dozen megabytes.
 */
export const mostReferences = 100_000;
