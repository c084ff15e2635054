import type { Hash } from '../formats/hash.js';

/** What the database knows of a valid path. Paths are full logical store paths. */
export interface PathInfo {
  readonly path: string;
  /** SHA-256 of the NAR. */
  readonly narHash: Hash;
  /** Length of the NAR in bytes. */
  readonly narSize: number;
  /** Sorted; contains `path` itself when it refers to itself. */
  readonly references: readonly string[];
  readonly deriver?: string;
  /** Unix seconds. */
  readonly registrationTime: number;
  /** Built here rather than copied from somewhere. */
  readonly ultimate: boolean;
  readonly signatures: readonly string[];
  /** Content address in Nix's text form (`fixed:r:sha256:…`, `text:sha256:…`), if the path is content-addressed. */
  readonly contentAddress?: string;
}
