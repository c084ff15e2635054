import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { sameHash } from '../formats/hash.js';
import { checkPathInfo } from '../store/check-path-info.js';
import type { PathInfo } from '../store/path-info.js';
import type { FetchOptions, Substituter } from './substituter.js';
import { isTrustworthy, type TrustPolicy } from './trust.js';

/** A path, and who has it. */
export interface Substitute {
  readonly substituter: Substituter;
  /** As it is to be registered, and worthy of belief; the contents are yet to be compared with it. */
  readonly info: PathInfo;
}

export interface SubstitutesOptions {
  /** Of the store that is to be filled. */
  readonly storeDir: string;
  readonly trust: TrustPolicy;
  /** Nix's `fallback`: whoever cannot be asked is passed over. */
  readonly fallback: boolean;
  readonly onWarning: (message: string) => void;
}

/** All substituters together: of those that have a path, the first whose word is good. Each is asked once. */
export class Substitutes {
  readonly #substituters: readonly Substituter[];
  readonly #options: SubstitutesOptions;
  readonly #answers = new Map<string, Promise<Substitute | undefined>>();
  readonly #rejected = new Map<Substituter, Set<string>>();

  /** In the order in which they are to be asked. */
  constructor(substituters: readonly Substituter[], options: SubstitutesOptions) {
    this.#substituters = substituters;
    this.#options = options;
  }

  /**
   * Who has a path. `registered` is what the store that is to be repaired says of it: whoever has the same contents
   * needs no trust, as they are going to be compared, and what is registered stays so.
   * Throws what a substituter throws, unless `fallback` is set.
   */
  find(path: string, options: FetchOptions, registered?: PathInfo): Promise<Substitute | undefined> {
    let answer = this.#answers.get(path);
    if (!answer) {
      answer = this.#ask(path, options, registered);
      this.#answers.set(path, answer);
    }
    return answer;
  }

  /** What came was no good, or nothing did: from now on the next one is offered. */
  reject({ substituter, info }: Substitute): void {
    const rejected = this.#rejected.get(substituter) ?? new Set();
    this.#rejected.set(substituter, rejected.add(info.path));
    this.#answers.delete(info.path);
  }

  async close(): Promise<void> {
    await Promise.all(this.#substituters.map((substituter) => substituter.close()));
  }

  async #ask(
    path: string,
    options: FetchOptions,
    registered: PathInfo | undefined,
  ): Promise<Substitute | undefined> {
    for (const substituter of this.#substituters) {
      options.signal.throwIfAborted();
      if (this.#rejected.get(substituter)?.has(path)) continue;
      const info = await this.#query(substituter, path, options);
      if (!info) continue;
      if (registered && sameHash(registered.narHash, info.narHash)) return { substituter, info: registered };
      if (isTrustworthy(info, substituter, this.#options.trust)) {
        return { substituter, info: { ...info, registrationTime: 0, ultimate: false } };
      }
      this.#options.onWarning(
        `the substitute for '${path}' from ${quote(substituter.uri)} is not signed by any of the keys in 'trusted-public-keys'`,
      );
    }
    return undefined;
  }

  /** What it says of the path, if that can be registered. */
  async #query(substituter: Substituter, path: string, options: FetchOptions): Promise<PathInfo | undefined> {
    const { storeDir, fallback, onWarning } = this.#options;
    let info: PathInfo | undefined;
    try {
      info = await substituter.query(path, options);
      if (!info) return undefined;
      if (info.path !== path) throw otherPath(substituter, path, info.path);
      return checkPathInfo(storeDir, info);
    } catch (error) {
      if (options.signal.aborted || !fallback || !isAirplantError(error)) throw error;
      onWarning(`the substituter ${quote(substituter.uri)} is passed over for '${path}': ${error.message}`);
      return undefined;
    }
  }
}

function otherPath({ uri }: Substituter, path: string, other: string): AirplantError {
  return new AirplantError(
    'ERR_SUBSTITUTE',
    `asked ${quote(uri)} for '${path}' but got ${quote(other, 300)}`,
    {
      details: { path },
    },
  );
}
