import type { Hash } from '../../formats/hash.js';
import type { Derivation } from '../derivation.js';

/** Something an evaluator made: what a store has to hold before anything can be built. */
export type EvaluatedObject = EvaluatedDerivation | EvaluatedText | EvaluatedSource | ExistingPath;

/** A derivation; `bytes` is its `.drv` file, printed anew each time: of thousands, only what is written is in memory. */
export interface EvaluatedDerivation {
  readonly kind: 'derivation';
  /** Its drvPath. */
  readonly path: string;
  readonly name: string;
  readonly bytes: Buffer;
  readonly references: readonly string[];
  readonly derivation: Derivation;
}

/** A file made by `toFile`. */
export interface EvaluatedText {
  readonly kind: 'text';
  readonly path: string;
  readonly name: string;
  readonly bytes: Buffer;
  readonly references: readonly string[];
}

/** A copy of files of the host, as they were when `source` read them: a store has to compare the hash. */
export interface EvaluatedSource {
  readonly kind: 'source';
  readonly path: string;
  readonly name: string;
  /** Absolute. */
  readonly hostPath: string;
  readonly filter: SourceFilter | undefined;
  readonly narHash: Hash;
  /** Bytes. */
  readonly narSize: number;
  readonly references: readonly string[];
}

/** A path named by `storePath`, which the store must hold already. */
export interface ExistingPath {
  readonly kind: 'existing';
  readonly path: string;
  readonly name: string;
  readonly references: readonly string[];
}

/**
 * Whether a file belongs to a source, as in Nix's `builtins.filterSource`: called with the absolute path of every
 * file and directory below the root (not of the root itself), parents first; a directory refused is not entered.
 */
export type SourceFilter = (path: string, type: SourceFileType) => boolean;

/** `unknown`: a socket, device or the like, which must be refused, as a store path cannot hold it. */
export type SourceFileType = 'regular' | 'directory' | 'symlink' | 'unknown';
