import { setMaxListeners } from 'node:events';
import type { AirplantError } from '../../base/errors.js';
import type { EventSink } from '../../base/events.js';
import { isDerivationName } from '../../store/derivations.js';
import { findImmutable } from '../../store/immovable.js';
import type { LocalStore } from '../../store/local-store.js';
import { describeCondition } from '../../store/verify-path.js';

/** Which valid paths of a store are damaged: each is read once, and what is repaired afterwards is good. */
export class Examination {
  readonly #store: LocalStore;
  readonly #emit: EventSink;
  readonly #good = new Set<string>();
  readonly #damaged = new Set<string>();
  readonly #stuck = new Map<string, AirplantError>();

  constructor(store: LocalStore, emit: EventSink) {
    this.#store = store;
    this.#emit = emit;
  }

  /** As far as has been looked. */
  get damaged(): ReadonlySet<string> {
    return this.#damaged;
  }

  /** Those of the damaged paths that cannot be replaced, and why: it is in vain to make them. */
  get stuck(): ReadonlyMap<string, AirplantError> {
    return this.#stuck;
  }

  /** Valid, and not known to be damaged. */
  seemsGood(path: string): boolean {
    return this.#store.isValid(path) && !this.#damaged.has(path);
  }

  /** Reads those of the valid paths that have not been read yet. True if one of them is damaged. */
  async examine(paths: Iterable<string>, signal: AbortSignal): Promise<boolean> {
    const fresh = [...new Set(paths)].filter((path) => !this.#good.has(path) && !this.#damaged.has(path));
    await this.#store.addTempRoots(fresh);
    const shared = AbortSignal.any([signal]);
    // Everything that is being read listens to it; that is no leak.
    setMaxListeners(0, shared);
    const good = await Promise.all(fresh.map((path) => this.#examineOne(path, shared)));
    return good.includes(false);
  }

  /** Reads a path again, whatever has been found before. */
  async isGood(path: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#store.isValid(path)) return false;
    const { kind } = await this.#store.verifyPath(path, { signal });
    if (kind === 'good') this.markGood(path);
    return kind === 'good';
  }

  markGood(path: string): void {
    this.#damaged.delete(path);
    this.#good.add(path);
  }

  async #examineOne(path: string, signal: AbortSignal): Promise<boolean> {
    // There are thousands of those, and they are small.
    if (!isDerivationName(path)) this.#emit({ type: 'path.checking', path });
    const condition = await this.#store.verifyPath(path, { signal });
    if (condition.kind === 'good') {
      this.#good.add(path);
      return true;
    }
    this.#damaged.add(path);
    const error = findImmutable(this.#store.realPath(path));
    if (error) this.#stuck.set(path, error);
    this.#emit({
      type: 'path.damaged',
      path,
      kind: condition.kind,
      message: describeCondition(path, condition),
    });
    return false;
  }
}
