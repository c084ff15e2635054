import { AirplantError } from '../base/errors.js';

/** How the user's wish to stop reaches a command. Until one of the members is used, a signal ends the process. */
export interface Interrupts {
  /** Aborted with ERR_ABORTED at the first SIGINT, SIGTERM or SIGHUP from now on. */
  readonly signal: AbortSignal;
  /** 128 + the number of the signal that came, as shells count; 0 before one came. */
  readonly exitStatus: number;
  /** From now on the signals are another program's business (it has the terminal); they are ignored here. */
  leaveToChild(): void;
}

/**
 * Listens for signals on behalf of a command that can stop tidily: the first one aborts, so that builds are ended and
 * the store is left in order; a second one ends the process at once (the launcher watches this process and takes its
 * sandboxes down).
 */
export function processInterrupts(): Interrupts {
  const controller = new AbortController();
  let listening = false;
  let ignored = false;
  let exitStatus = 0;
  const listen = () => {
    if (listening) return;
    listening = true;
    for (const [signal, number] of signalNumbers) {
      process.on(signal, () => {
        if (ignored) return;
        if (exitStatus !== 0) process.exit(128 + number);
        exitStatus = 128 + number;
        controller.abort(new AirplantError('ERR_ABORTED', `interrupted by ${signal}`));
      });
    }
  };
  return {
    get signal() {
      listen();
      return controller.signal;
    },
    get exitStatus() {
      return exitStatus;
    },
    leaveToChild: () => {
      ignored = true;
      listen();
    },
  };
}

const signalNumbers: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
];
