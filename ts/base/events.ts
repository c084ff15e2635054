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
  /** Stopped, by the caller or because another build failed; nothing is left of it. */
  | { readonly type: 'build.cancelled'; readonly drvPath: string }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'finished';
      /** Derivations that a builder was run for, with success. */
      readonly built: number;
      readonly madeElsewhere: number;
      readonly failed: number;
      readonly milliseconds: number;
    };

export type BuildEventType = BuildEvent['type'];

/**
 * Where events go. Never throws. A promise asks the source of log chunks to hold back until it is settled, so that
 * a flood of output is never piled up in memory; other events are not held back.
 */
export type EventSink = (event: BuildEvent) => Promise<void> | undefined;
