import type { TempRoots } from '../temp-roots.js';

/**
 * Protects many paths from collectors while they pass by one after the other, and gives up those that have passed, some
 * at a time: what follows may take hours.
 */
export class PassingRoots {
  readonly #groups: readonly TempRoots[];
  readonly #groupLength: number;
  #passed = 0;

  private constructor(groups: readonly TempRoots[], groupLength: number) {
    this.#groups = groups;
    this.#groupLength = groupLength;
  }

  /** Protects all of the paths, which will pass in this order. */
  static async protect(
    tempRoots: TempRoots,
    paths: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<PassingRoots> {
    const groupLength = Math.max(1, Math.ceil(paths.length / mostGroups));
    const groups: TempRoots[] = [];
    try {
      for (let at = 0; at < paths.length; at += groupLength) {
        groups.push(tempRoots.scope());
        await groups.at(-1)!.add(paths.slice(at, at + groupLength), signal);
      }
    } catch (error) {
      for (const group of groups) group.close();
      throw error;
    }
    return new PassingRoots(groups, groupLength);
  }

  /** Says that the next path has passed. */
  pass(): void {
    this.#passed++;
    if (this.#passed % this.#groupLength === 0) this.#groups[this.#passed / this.#groupLength - 1]?.close();
  }

  /** Ends the protection of all that is left. */
  close(): void {
    for (const group of this.#groups) group.close();
  }
}

/** Each is an open file. */
const mostGroups = 16;
