import type { Attempt, Intent } from '../../sandbox/attempt.js';

/** All attempts of one kind on one name that came to the same end. */
export interface Tried {
  readonly path: string;
  readonly intent: Intent;
  /** 0: it succeeded. */
  readonly errno: number;
  readonly flags: number;
  readonly missing?: string | undefined;
  readonly count: number;
  /** When it was tried last: the number of that attempt among all. */
  readonly last: number;
}

/** How much is remembered: a builder can try as much as it likes. */
const mostNames = 20_000;
const mostCharacters = 4_000_000;

/** Remembers what was tried, and forgets what was not tried for the longest time when it becomes too much. */
export class AttemptLog {
  readonly #tried = new Map<string, Tried>();
  #characters = 0;
  #total = 0;
  /** Kinds of attempts that were forgotten. */
  forgotten = 0;

  add({ path, intent, errno, flags, missing }: Attempt): void {
    const key = `${intent} ${errno} ${path}`;
    const before = this.#tried.get(key);
    // Again at the end, so that the order is that of the last time.
    if (before) this.#tried.delete(key);
    else this.#characters += key.length;
    this.#tried.set(key, {
      path,
      intent,
      errno,
      flags,
      missing,
      count: (before?.count ?? 0) + 1,
      last: ++this.#total,
    });
    while (this.#tried.size > mostNames || this.#characters > mostCharacters) this.#forgetOldest();
  }

  /** In the order of the last time. */
  all(): Tried[] {
    return [...this.#tried.values()];
  }

  #forgetOldest(): void {
    const [oldest] = this.#tried.keys();
    this.#tried.delete(oldest!);
    this.#characters -= oldest!.length;
    this.forgotten++;
  }
}
