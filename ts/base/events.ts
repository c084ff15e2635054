/**
 * Everything the engine says while it works. Only `report/` turns events into text for people.
 * The shapes are versioned as a whole: `{"v":1,…}` in JSON lines. Times are Unix milliseconds.
 */
export type BuildEvent =
  | {
      readonly type: 'plan';
      readonly build: readonly string[];
      readonly substitute: readonly string[];
      readonly valid: number;
      /** Derivations that were asked for, and not only for the sake of others. */
      readonly wanted?: readonly string[];
    }
  /** The contents of a valid path are being read, to repair them if need be. */
  | { readonly type: 'path.checking'; readonly path: string }
  | {
      readonly type: 'path.damaged';
      readonly path: string;
      readonly kind: 'missing' | 'modified' | 'unreadable';
      readonly message: string;
    }
  /** What is found while the whole store is worked on; `error` stands for something that is not as it should be. */
  | { readonly type: 'store.message'; readonly level: 'info' | 'error'; readonly message: string }
  /** How many paths of the store have been dealt with. */
  | {
      readonly type: 'store.progress';
      readonly activity: 'verify' | 'optimise';
      readonly done: number;
      readonly expected: number;
    }
  /** A path is being copied from a substituter. */
  | {
      readonly type: 'substitute.started';
      readonly path: string;
      readonly from: string;
      /** Bytes of its NAR. */
      readonly narSize?: number;
    }
  | {
      readonly type: 'substitute.succeeded';
      readonly path: string;
      readonly from: string;
      /** Bytes of its NAR. */
      readonly narSize: number;
      readonly milliseconds: number;
    }
  /** Another substituter may still deliver it, or it is built. */
  | {
      readonly type: 'substitute.failed';
      readonly path: string;
      readonly from: string;
      readonly code: string;
      readonly message: string;
    }
  /** For the locks of other processes on `paths`, or for one of the `max-jobs` slots. */
  | {
      readonly type: 'build.waiting';
      readonly drvPath: string;
      readonly reason: 'lock' | 'slot';
      readonly paths: readonly string[];
    }
  | {
      readonly type: 'build.started';
      readonly drvPath: string;
      readonly name: string;
      readonly outputs: readonly string[];
      /** It is a rebuild, to be compared with what is in the store. */
      readonly check?: true;
      /** Its outputs are damaged, or those of something that is repaired are missing. */
      readonly repair?: true;
    }
  /** Raw bytes of the builder's terminal, in the order they came. */
  | { readonly type: 'build.log'; readonly drvPath: string; readonly chunk: Uint8Array }
  | { readonly type: 'build.settling'; readonly drvPath: string }
  | {
      readonly type: 'build.succeeded';
      readonly drvPath: string;
      readonly outputs: Readonly<Record<string, string>>;
      readonly milliseconds: number;
    }
  /** No builder was run: another process made the outputs before we could, while we waited for its locks, say. */
  | {
      readonly type: 'build.made-elsewhere';
      readonly drvPath: string;
      readonly outputs: Readonly<Record<string, string>>;
    }
  /** The outputs are valid, and `program` is told of them. */
  | { readonly type: 'post-build.started'; readonly drvPath: string; readonly program: string }
  /** Raw bytes of what it writes. */
  | { readonly type: 'post-build.log'; readonly drvPath: string; readonly chunk: Uint8Array }
  /** Whether it went well or not. */
  | { readonly type: 'post-build.ended'; readonly drvPath: string }
  /** A rebuild gave the same outputs as those in the store. */
  | { readonly type: 'check.same'; readonly drvPath: string; readonly milliseconds: number }
  /** What the diff hook had to say of an output that differs. */
  | {
      readonly type: 'check.diff';
      readonly drvPath: string;
      readonly path: string;
      readonly text: string;
    }
  | {
      readonly type: 'check.finished';
      readonly same: number;
      readonly differing: number;
      /** Derivations that could not be checked. */
      readonly failed: number;
      readonly wantedFailed: readonly string[];
      readonly milliseconds: number;
    }
  /** Comes for each error before the `finished` that counts it. */
  | {
      readonly type: 'build.failed';
      /** Or the wanted path that nothing can make. */
      readonly drvPath: string;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
      readonly lastLines: readonly string[];
    }
  /** What a builder that failed has left stays in this host directory; `airplant shell --failed` enters its sandbox. */
  | { readonly type: 'build.kept'; readonly drvPath: string; readonly directory: string }
  /** Stopped, by the caller or because another build failed; nothing is left of it. */
  | { readonly type: 'build.cancelled'; readonly drvPath: string }
  /** Another process collects garbage. */
  | { readonly type: 'collect.waiting' }
  | {
      readonly type: 'collect.phase';
      readonly phase: 'roots' | 'liveness' | 'deleting' | 'links';
    }
  /** A path is invalid by now, or was a leftover, and is out of the way. */
  | { readonly type: 'collect.deleted'; readonly path: string }
  /** What a person may want to know, such as a root that cannot be read. */
  | { readonly type: 'collect.note'; readonly message: string }
  | {
      readonly type: 'collect.finished';
      readonly deleted: number;
      readonly bytesFreed: number;
      /** What hard links in the store save. */
      readonly bytesSaved: number;
    }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'finished';
      /** Derivations that a builder was run for, with success. */
      readonly built: number;
      readonly madeElsewhere: number;
      /** Paths that were copied from substituters. */
      readonly substituted: number;
      readonly failed: number;
      /**
       * Derivations and paths that were asked for and did not succeed, in the order of their names; after a failure also those that
       * were stopped on its account. Empty where only the caller has stopped the run.
       */
      readonly wantedFailed: readonly string[];
      readonly milliseconds: number;
    };

export type BuildEventType = BuildEvent['type'];

/**
 * Where events go. Never throws. A promise asks the source of log chunks to hold back until it is settled, so that
 * a flood of output is never piled up in memory; other events are not held back.
 */
export type EventSink = (event: BuildEvent) => Promise<void> | undefined;
