import { formatHash, type Hash } from '../formats/hash.js';
import type { Connection } from './connection.js';

/** What verification changes in the database. Part of `database.ts`: the only other place with SQL for it. */
const sql = {
  id: 'select id from ValidPaths where path = ?',
  referrers: 'select count(*) from Refs where reference = ? and referrer <> ?',
  forget: 'delete from ValidPaths where id = ?',
  fill: 'update ValidPaths set hash = ?, narSize = ? where path = ?',
} as const;

/** The database's side of verification. */
export class DatabaseUpkeep {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Makes a path invalid if it still is valid, `isGone` (asked within the transaction) and nothing else refers to it.
   * Returns whether it was done.
   */
  async forget(
    path: string,
    { isGone, signal }: { isGone(): boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<boolean> {
    return await this.#connection.write(() => {
      const id = this.#connection.prepare(sql.id).get(path)?.[0];
      if (id === undefined || !isGone()) return false;
      if (this.#connection.prepare(sql.referrers).get(id, id)![0] !== 0) return false;
      this.#connection.prepare(sql.forget).run(id);
      return true;
    }, signal);
  }

  /** Notes the hash and size of what a path holds. */
  async fill(
    path: string,
    { narHash, narSize }: { readonly narHash: Hash; readonly narSize: number },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#connection.write(() => {
      this.#connection.prepare(sql.fill).run(formatHash(narHash, 'base16'), narSize, path);
    }, signal);
  }
}
