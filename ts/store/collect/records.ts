import type { BuildEvent } from '../../base/events.js';

/** Something that keeps a path of the store. */
export interface Root {
  /** The link or file; `/proc/…` of a running process; `{temp:PID}` for what a process works on; `{censored}`. */
  readonly link: string;
  /** A valid path, or, of a temporary root, one that may become valid. */
  readonly path: string;
}

/** What a collector tells while it works. */
export type CollectEvent = Extract<BuildEvent, { type: `collect.${string}` }>;

export type CollectListener = (event: CollectEvent) => void;

/** Nix's settings of these names: what else lives with a path that lives. */
export interface KeepSettings {
  /** The outputs of a derivation. */
  readonly keepOutputs: boolean;
  /** The derivation that a path was made by. */
  readonly keepDerivations: boolean;
}

/** Nix's settings of these names, all that collectors care about. */
export interface CollectSettings extends KeepSettings {
  /** Bytes: when there are fewer left, garbage is collected by itself. 0: never. */
  readonly minFree: number;
  /** Bytes to be free then. */
  readonly maxFree: number;
  /** Seconds between two looks at the disk. */
  readonly minFreeCheckInterval: number;
}

/** What was to be deleted and is still there; it is not valid any more. */
export interface KeptGarbage {
  /** On this machine. */
  readonly place: string;
  readonly message: string;
}

/** What a collection came to. */
export interface CollectReport {
  /** Paths and leftovers that are gone. */
  readonly deleted: number;
  /** Bytes that are free now. */
  readonly bytesFreed: number;
  /** What hard links save, all in all, in bytes. */
  readonly bytesSaved: number;
  readonly kept: readonly KeptGarbage[];
}
