/** What somebody asks for besides a slot. */
export interface SlotClaim {
  /** Who asks: the lowest first. */
  readonly order: number;
  /** Resources there is only so much of; one of each. */
  readonly uses: readonly string[];
}

interface Waiting {
  readonly claim: SlotClaim;
  grant(): void;
  refuse(reason: unknown): void;
}

/**
 * Slots, and with them resources of which there are fewer. One gets all it claims at once or waits with nothing, so
 * there is no deadlock. Whatever becomes free goes to the first in order that it is enough for. What somebody waits for
 * nobody behind can take, so that each gets its turn; others overtake.
 *
 * An aborted signal refuses, with its reason, whoever waits and whoever comes later.
 */
export class JobSlots {
  #free: number;
  readonly #left: Map<string, number>;
  readonly #signal: AbortSignal;
  /** In order. */
  readonly #waiting: Waiting[] = [];
  #together = false;

  /** `limits`: how many there are of each resource; of others there are enough. */
  constructor(slots: number, limits: ReadonlyMap<string, number>, signal: AbortSignal) {
    for (const count of [slots, ...limits.values()]) {
      if (!Number.isInteger(count) || count < 1) throw new RangeError(`there cannot be ${count} slots`);
    }
    this.#free = slots;
    this.#left = new Map(limits);
    this.#signal = signal;
    signal.addEventListener('abort', () => {
      for (const { refuse } of this.#waiting.splice(0)) refuse(signal.reason);
    });
  }

  /** Resolves to the function that gives everything back; calling it again is harmless. */
  acquire(claim: SlotClaim): Promise<() => void> {
    return new Promise((resolve, reject) => {
      this.#signal.throwIfAborted();
      this.#enter({ claim, grant: () => resolve(this.#releaseOnce(claim)), refuse: reject });
    });
  }

  /** The same at once, or undefined where one would have to wait. */
  tryAcquire(claim: SlotClaim): (() => void) | undefined {
    if (this.#signal.aborted) return undefined;
    let release: (() => void) | undefined;
    const waiting: Waiting = {
      claim,
      grant: () => {
        release = this.#releaseOnce(claim);
      },
      refuse: () => {},
    };
    this.#enter(waiting);
    if (!release) this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    return release;
  }

  /** Nobody gets anything before all that `work` asks for and gives back is known. */
  together(work: () => void): void {
    this.#together = true;
    try {
      work();
    } finally {
      this.#together = false;
      this.#grant();
    }
  }

  #enter(waiting: Waiting): void {
    let [from, to] = [0, this.#waiting.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#waiting[middle]!.claim.order <= waiting.claim.order) from = middle + 1;
      else to = middle;
    }
    this.#waiting.splice(from, 0, waiting);
    this.#grant();
  }

  #grant(): void {
    if (this.#together) return;
    const kept = new Set<string>();
    for (let i = 0; this.#free > 0 && i < this.#waiting.length; ) {
      const { claim, grant } = this.#waiting[i]!;
      const limited = claim.uses.filter((resource) => this.#left.has(resource));
      if (limited.every((resource) => !kept.has(resource) && this.#left.get(resource)! > 0)) {
        this.#waiting.splice(i, 1);
        this.#take(claim, 1);
        grant();
      } else {
        for (const resource of limited) kept.add(resource);
        i++;
      }
    }
  }

  #releaseOnce(claim: SlotClaim): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#take(claim, -1);
      this.#grant();
    };
  }

  #take({ uses }: SlotClaim, count: 1 | -1): void {
    this.#free -= count;
    for (const resource of uses) {
      const left = this.#left.get(resource);
      if (left !== undefined) this.#left.set(resource, left - count);
    }
  }
}
