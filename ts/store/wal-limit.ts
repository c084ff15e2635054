import { statSync } from 'node:fs';

/** The one statement needed of a database. */
interface Checkpointed {
  exec(sql: string): void;
  prepare(sql: string): { get(): unknown[] | undefined };
}

/** Bytes of the write-ahead log from which on it is emptied: what a few thousand small transactions need. */
const limit = 16 * 2 ** 20;
/** Bytes from which on readers that overlap, so that there is never none, are waited for. */
const pressing = 4 * limit;
/** Milliseconds they are waited for. Nothing else of this process runs meanwhile. */
const patience = 100;
/** While somebody who reads keeps the log from being emptied: bytes more, or milliseconds, until the next attempt. */
const step = 4 * 2 ** 20;
const interval = 100;

/**
 * Keeps the write-ahead log of a database from growing.
 *
 * SQLite starts it again from its beginning only when a writer finds nobody reading, and among many readers that is
 * never. So whoever has written a transaction looks at how long the log is, and empties it if it is too long: writers
 * wait for that, and readers who come in the meantime read the database file alone and need no part of the log. Only a
 * reader who stays can keep it as it is; the first transaction after he has left empties it.
 */
export class WalLimit {
  readonly #log: string;
  readonly #busyTimeout: number;
  #nextSize = 0;
  #nextTime = 0;

  /** `busyTimeout`: milliseconds, as the connection has it apart from here. */
  constructor(file: string, busyTimeout: number) {
    this.#log = `${file}-wal`;
    this.#busyTimeout = busyTimeout;
  }

  /** To be called after a transaction, outside of any. Never fails: the transaction has been written. */
  keep(database: Checkpointed): void {
    const size = this.#size();
    if (size < limit || (size < this.#nextSize && performance.now() < this.#nextTime)) return;
    const wait = size < pressing ? 0 : patience;
    try {
      database.exec(`pragma busy_timeout = ${wait}`);
      database.prepare('pragma wal_checkpoint(truncate)').get();
    } catch {
      // A disk that is full or fails: what is in the log is safe there, and the next write will say so if it is not.
    } finally {
      database.exec(`pragma busy_timeout = ${this.#busyTimeout}`);
      this.#nextSize = size + step;
      this.#nextTime = performance.now() + interval + 10 * wait;
    }
  }

  #size(): number {
    try {
      return statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
    } catch {
      return 0;
    }
  }
}
