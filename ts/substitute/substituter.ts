import type { PathInfo } from '../store/path-info.js';

/**
 * Somewhere store paths can be had from instead of being made. What it says and what it hands out is checked by
 * whoever takes it, never here.
 */
export interface Substituter {
  /** As the setting has it: what messages call it. */
  readonly uri: string;
  /** Its logical store directory. */
  readonly storeDir: string;
  /** The lower, the sooner it is asked. */
  readonly priority: number;
  /** Its paths need no signature. */
  readonly trusted: boolean;
  /** What it knows of a path; undefined if it does not have it. */
  query(path: string, options: FetchOptions): Promise<PathInfo | undefined>;
  /**
   * Puts the contents of a path at `destination` on the host, which does not exist. False if it has the path no more:
   * then nothing is there.
   */
  fetch(path: string, destination: string, options: FetchOptions): Promise<boolean>;
  close(): Promise<void>;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
}
