import { AirplantError, withDetails } from '../base/errors.js';
import { type ConnectionOptions, type OpenedDatabase, openDatabase, readTimeout } from './connect.js';
import type { SqliteDatabase, Statement } from './sqlite-database.js';
import { busyDatabase, closedDatabase, isBusy, translateSqliteError } from './sqlite-errors.js';
import { block, restlessDatabase, stampOf } from './unlocked-database.js';
import { pause } from './waiting.js';
import { WalLimit } from './wal-limit.js';

/**
 * One connection to a SQLite database: opened with Nix's pragmas, errors turned into AirplantErrors.
 *
 * Reading is synchronous. Writing waits for other writers without blocking the event loop, for up to an hour as
 * Nix does. No other code of this process may open and close the database file: closing any descriptor of it
 * drops the POSIX locks SQLite holds on it.
 *
 * A database whose locks are not to be had is looked at before and after it is read: it is opened again once somebody has
 * written to it, and read again if that was meanwhile.
 */
export class Connection {
  readonly file: string;
  readonly #options: ConnectionOptions;
  readonly #walLimit: WalLimit | undefined;
  #opened: OpenedDatabase;

  private constructor(opened: OpenedDatabase, options: ConnectionOptions) {
    this.file = options.file;
    this.#options = options;
    this.#opened = opened;
    this.#walLimit = options.journal === 'wal' ? new WalLimit(options.file, readTimeout) : undefined;
  }

  /** Throws ERR_STORE_OPEN, ERR_STORE_DATABASE, ERR_STORE_READ_ONLY, ERR_STORE_FILESYSTEM or ERR_DISK_FULL. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    // Of two processes that turn the same new database to WAL, SQLite refuses one at once, whatever the time-out.
    const deadline = Date.now() + readTimeout;
    for (;;) {
      try {
        return new Connection(openDatabase(options), options);
      } catch (error) {
        if (!isBusy(error) || Date.now() > deadline) throw translateSqliteError(error, options.file);
      }
      await pause(Math.random() * 50, undefined);
    }
  }

  prepare(sql: string): Statement {
    let database = this.#database;
    let statement = this.#guard(() => database.prepare(sql));
    const current = () => {
      if (database === this.#database) return statement;
      database = this.#database;
      statement = database.prepare(sql);
      return statement;
    };
    return {
      run: (...values) => this.#guard(() => current().run(...values)),
      get: (...values) => this.#guard(() => this.#undisturbed(() => current().get(...values))),
      all: (...values) => this.#guard(() => this.#undisturbed(() => current().all(...values))),
    };
  }

  exec(sql: string): void {
    this.#guard(() => this.#database.exec(sql));
  }

  /** Runs synchronous reads that see one state of the database; maybe more than once. */
  read<T>(work: () => T): T {
    if (this.#database.isTransaction) return work();
    return this.#guard(() =>
      this.#undisturbed(() => {
        this.#database.exec('begin deferred');
        return this.#finish(work);
      }),
    );
  }

  /** Runs synchronous work in one transaction that writes; an error undoes all of it. */
  async write<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    const deadline = Date.now() + writeTimeout;
    for (let longest = 2; ; longest = Math.min(2 * longest, longestPause)) {
      signal?.throwIfAborted();
      if (this.#begin()) break;
      if (Date.now() > deadline) throw busyDatabase(this.file);
      await pause(Math.random() * longest, signal);
    }
    const result = this.#finish(work);
    this.#walLimit?.keep(this.#database);
    return result;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /**
   * Begins a transaction that writes; false if others write all the time. Who writes one transaction after another
   * leaves gaps of microseconds between them, which single attempts now and then would hardly ever meet.
   */
  #begin(): boolean {
    // SQLite would wait inside the call, and nothing else of this process would run meanwhile.
    this.exec('pragma busy_timeout = 0');
    const end = performance.now() + persistence;
    try {
      do {
        try {
          this.#database.exec('begin immediate');
          return true;
        } catch (error) {
          if (!isBusy(error)) throw translateSqliteError(error, this.file);
        }
      } while (performance.now() < end);
      return false;
    } finally {
      this.exec(`pragma busy_timeout = ${readTimeout}`);
    }
  }

  #finish<T>(work: () => T): T {
    try {
      const result = work();
      this.#database.exec('commit');
      return result;
    } catch (error) {
      throw this.#rolledBack(translateSqliteError(error, this.file));
    }
  }

  /** Undoes what the transaction has done. Returns why: an error that comes on top is a detail of that. */
  #rolledBack(reason: unknown): unknown {
    try {
      // SQLite has rolled back by itself after some errors (disk full, I/O error).
      if (this.#database.isTransaction) this.#database.exec('rollback');
      return reason;
    } catch (error) {
      const rollback = error instanceof Error ? error.message : String(error);
      return reason instanceof AirplantError ? withDetails(reason, { rollback }) : reason;
    }
  }

  get #database(): SqliteDatabase {
    return this.#opened.database;
  }

  /** Runs a synchronous read. Without locks, it is run again until nobody has written meanwhile. */
  #undisturbed<T>(read: () => T): T {
    // Within a transaction, whoever began that one looks.
    if (this.#opened.stamp === undefined || this.#database.isTransaction) return read();
    const deadline = Date.now() + readTimeout;
    for (;;) {
      const opened = this.#renew();
      const isSound = () =>
        opened.stamp === undefined || opened.isCopy || stampOf(this.file) === opened.stamp;
      try {
        const result = read();
        if (isSound()) return result;
      } catch (error) {
        if (isSound()) throw error;
      }
      if (Date.now() > deadline) throw restlessDatabase(this.file);
      block(1);
    }
  }

  /** Opens it again if somebody has written to it: with locks, if they are to be had now. */
  #renew(): OpenedDatabase {
    if (!this.#database.isOpen || stampOf(this.file) === this.#opened.stamp) return this.#opened;
    const renewed = openDatabase(this.#options);
    this.#database.close();
    this.#opened = renewed;
    return renewed;
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#database.isOpen ? translateSqliteError(error, this.file) : closedDatabase(this.file);
    }
  }
}

/** Milliseconds, as Nix. */
const writeTimeout = 3600 * 1000;
/** Milliseconds for which the lock of writers is tried for again and again, and the longest pause in between. */
const persistence = 1;
const longestPause = 100;
