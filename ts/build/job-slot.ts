import { AirplantError } from '../base/errors.js';
import type { JobSlots, SlotClaim } from './job-slots.js';

/** One build's claim to one of the `max-jobs` slots. It may be given back and taken again while the build waits. */
export class JobSlot {
  readonly #slots: JobSlots;
  readonly #claim: SlotClaim;
  #release: (() => void) | undefined;

  constructor(slots: JobSlots, claim: SlotClaim) {
    this.#slots = slots;
    this.#claim = claim;
  }

  /** Waits for a slot, unless one is held. Rejects with the reason of the run's signal when that is aborted. */
  async take(): Promise<void> {
    this.#release ??= await this.#slots.acquire(this.#claim);
  }

  /** Takes a slot if one is free; true if one is held then. */
  tryTake(): boolean {
    this.#release ??= this.#slots.tryAcquire(this.#claim);
    return this.#release !== undefined;
  }

  /** Lets another build have the slot; again is harmless. */
  giveBack(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

/** Throws ERR_NO_JOBS with Nix's message where `max-jobs` is 0 and something is to be built. */
export function requireJobs(maxJobs: number): void {
  if (maxJobs > 0) return;
  throw new AirplantError(
    'ERR_NO_JOBS',
    "unable to start any build; either increase '--max-jobs' or enable remote builds",
    { hint: 'Give `--max-jobs` a number above 0: this version has no remote builds.' },
  );
}
