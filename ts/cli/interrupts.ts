import { AirplantError } from '../base/errors.js';

/** How the user's wish to stop reaches a command. */
export interface Interrupts {
  /** Aborted with ERR_ABORTED at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** 128 + the number of the signal, as shells count; 0 before one came. */
  readonly exitStatus: number;
  /** From now on the signals are another program's business (it has the terminal); they are ignored here. */
  leaveToChild(): void;
}

/**
 * Listens for signals: the first one aborts, so that a command can stop its builds and leave the store tidy; a
 * second one ends the process at once (the launcher and its sandboxes follow, as they watch this process).
 */
export function processInterrupts(onFirst: (signal: NodeJS.Signals) => void): Interrupts {
  const controller = new AbortController();
  let ignored = false;
  let exitStatus = 0;
  for (const [signal, number] of signalNumbers) {
    process.on(signal, () => {
      if (ignored) return;
      if (controller.signal.aborted) process.exit(128 + number);
      exitStatus = 128 + number;
      onFirst(signal);
      controller.abort(new AirplantError('ERR_ABORTED', `interrupted by ${signal}`));
    });
  }
  return {
    signal: controller.signal,
    get exitStatus() {
      return exitStatus;
    },
    leaveToChild: () => {
      ignored = true;
    },
  };
}

const signalNumbers: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
];
