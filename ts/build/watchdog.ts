import type { Attempt, BuildLimits } from './records.js';

type Verdict = Extract<Attempt['outcome'], { kind: 'timeout' | 'silent' | 'log-limit' }>;

/**
 * Watches one running builder for the limits that are not the kernel's: its whole time, its silence, the size of
 * its log. `expired` is called at most once, with the limit that was broken. 0 = no limit.
 */
export class Watchdog {
  readonly #limits: BuildLimits;
  readonly #expired: (verdict: Verdict) => void;
  #timers: NodeJS.Timeout[] = [];
  #silence: NodeJS.Timeout | undefined;
  #logBytes = 0;
  /** Output that has not been taken yet: a builder made to wait is not silent. */
  #held = 0;
  #done = false;

  constructor(limits: BuildLimits, expired: (verdict: Verdict) => void) {
    this.#limits = limits;
    this.#expired = expired;
  }

  /** The builder runs: what came before, a place in the queue of launches and the set-up, is not its time. */
  start(): void {
    if (this.#done) return;
    const { timeoutSeconds, maxSilentSeconds } = this.#limits;
    if (timeoutSeconds > 0) {
      this.#timers.push(
        setTimer(timeoutSeconds, () => this.#expire({ kind: 'timeout', afterSeconds: timeoutSeconds })),
      );
    }
    if (maxSilentSeconds > 0) {
      this.#silence = setTimer(maxSilentSeconds, () => {
        if (this.#held > 0) this.#silence?.refresh();
        else this.#expire({ kind: 'silent', afterSeconds: maxSilentSeconds });
      });
      this.#timers.push(this.#silence);
    }
  }

  /** Tells of output; true while the log is within its limit. */
  output(bytes: number): boolean {
    this.#silence?.refresh();
    this.#logBytes += bytes;
    const { maxLogBytes } = this.#limits;
    if (maxLogBytes === 0 || this.#logBytes <= maxLogBytes) return true;
    this.#expire({ kind: 'log-limit', limitBytes: maxLogBytes });
    return false;
  }

  /** The builder is made to wait until the returned function is called; that is no silence of its own. */
  hold(): () => void {
    this.#held++;
    return () => {
      this.#held--;
      this.#silence?.refresh();
    };
  }

  stop(): void {
    this.#done = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  #expire(verdict: Verdict): void {
    if (this.#done) return;
    this.stop();
    this.#expired(verdict);
  }
}

/** setTimeout takes 32-bit milliseconds; a longer limit than 24 days is as good as that. */
function setTimer(seconds: number, callback: () => void): NodeJS.Timeout {
  return setTimeout(callback, Math.min(seconds * 1000, 2 ** 31 - 1));
}
