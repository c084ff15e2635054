import { accessSync, chmodSync, constants, existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import {
  busyDatabase,
  closedDatabase,
  isBusy,
  resultCodeOf,
  resultCodes,
  translateSqliteError,
} from './sqlite-errors.js';
import { pause } from './waiting.js';
import { WalLimit } from './wal-limit.js';

const require = createRequire(import.meta.url);

/** How a database is opened. */
export interface ConnectionOptions {
  readonly file: string;
  readonly readOnly: boolean;
  /** Makes the file if there is none. */
  readonly create: boolean;
  /** Nix's `use-sqlite-wal`: `truncate` goes with the locks of the VFS `unix-dotfile`, as it does there. */
  readonly journal: 'wal' | 'truncate';
  /** Nix's `fsync-metadata`: `normal` or `off`. */
  readonly synchronous: 'normal' | 'off';
}

/** What a column of the store's tables can hold. */
export type Value = string | number | null;

/** A prepared statement. Rows are arrays. */
export interface Statement {
  run(...values: Value[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...values: Value[]): Value[] | undefined;
  all(...values: Value[]): Value[][];
}

/**
 * One connection to a SQLite database: opened with Nix's pragmas, errors turned into AirplantErrors.
 *
 * Reading is synchronous. Writing waits for other writers without blocking the event loop, for up to an hour as
 * Nix does. No other code of this process may open and close the database file: closing any descriptor of it
 * drops the POSIX locks SQLite holds on it.
 */
export class Connection {
  readonly file: string;
  readonly #database: Database;
  readonly #walLimit: WalLimit | undefined;

  private constructor(database: Database, { file, journal }: ConnectionOptions) {
    this.file = file;
    this.#database = database;
    this.#walLimit = journal === 'wal' ? new WalLimit(file, readTimeout) : undefined;
  }

  /** Throws ERR_STORE_OPEN, ERR_STORE_DATABASE, ERR_STORE_READ_ONLY, ERR_STORE_FILESYSTEM or ERR_DISK_FULL. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    // Loaded when a store is opened; its CommonJS form, which takes half as long.
    const { DatabaseSync } = require('@photostructure/sqlite') as typeof import('@photostructure/sqlite');
    const connect = (parameters: readonly string[]) => {
      const { href } = pathToFileURL(options.file);
      // Else SQLite would make an empty one, and whoever looks later find a database without tables.
      const mode = options.readOnly || options.create ? [] : ['mode=rw'];
      const query = [...mode, ...parameters].join('&');
      const database = new DatabaseSync(query === '' ? href : `${href}?${query}`, {
        readOnly: options.readOnly,
        timeout: readTimeout,
        returnArrays: true,
      }) as Database;
      try {
        configure(database, options);
        return database;
      } catch (error) {
        database.close();
        throw error;
      }
    };
    // Of two processes that turn the same new database to WAL, SQLite refuses one at once, whatever the time-out.
    const deadline = Date.now() + readTimeout;
    for (;;) {
      try {
        return new Connection(connectReadably(connect, options), options);
      } catch (error) {
        if (!isBusy(error) || Date.now() > deadline) throw translateSqliteError(error, options.file);
      }
      await pause(Math.random() * 50, undefined);
    }
  }

  prepare(sql: string): Statement {
    const statement = this.#guard(() => this.#database.prepare(sql));
    return {
      run: (...values) => this.#guard(() => statement.run(...values)),
      get: (...values) => this.#guard(() => statement.get(...values)),
      all: (...values) => this.#guard(() => statement.all(...values)),
    };
  }

  exec(sql: string): void {
    this.#guard(() => this.#database.exec(sql));
  }

  /** Runs synchronous reads that see one state of the database. */
  read<T>(work: () => T): T {
    if (this.#database.isTransaction) return work();
    return this.#transaction('begin deferred', work);
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

  #transaction<T>(begin: string, work: () => T): T {
    this.exec(begin);
    return this.#finish(work);
  }

  #finish<T>(work: () => T): T {
    try {
      const result = work();
      this.#database.exec('commit');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full, I/O error).
      if (this.#database.isTransaction) this.#database.exec('rollback');
      throw translateSqliteError(error, this.file);
    }
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#database.isOpen ? translateSqliteError(error, this.file) : closedDatabase(this.file);
    }
  }
}

/** The part of node:sqlite's DatabaseSync that is used. */
interface Database {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** Milliseconds a read may block the event loop, and opening may take. With a WAL, readers wait for nobody. */
const readTimeout = 10_000;
/** Milliseconds, as Nix. */
const writeTimeout = 3600 * 1000;
/** Milliseconds for which the lock of writers is tried for again and again, and the longest pause in between. */
const persistence = 1;
const longestPause = 100;
/** The first version without the WAL-reset race, which could corrupt a database two processes checkpoint. */
const oldestSqlite = [3, 51, 3];

function configure(database: Database, options: ConnectionOptions): void {
  const version = String(database.prepare('select sqlite_version()').get()![0]);
  if (isOlder(version, oldestSqlite)) {
    throw new AirplantError(
      'ERR_STORE_DATABASE',
      `SQLite ${version} can corrupt a database that several processes write; ${oldestSqlite.join('.')} is needed`,
    );
  }
  // The first statement that touches the file: what is no database, or cannot be read, fails here.
  const mode = database.prepare('pragma main.journal_mode').get()![0];
  if (options.readOnly) {
    database.prepare('select count(*) from sqlite_master').get();
    return;
  }
  // The pragmas of Nix, and its values.
  database.exec(`pragma foreign_keys = 1; pragma synchronous = ${options.synchronous}`);
  if (mode !== options.journal) {
    const now = database.prepare(`pragma main.journal_mode = ${options.journal}`).get()![0];
    if (now !== options.journal) {
      throw new AirplantError(
        'ERR_STORE_FILESYSTEM',
        `${quote(options.file)} cannot have the journal mode ${options.journal}: SQLite keeps it at ${now}`,
        { details: { file: options.file } },
      );
    }
  }
  if (options.journal === 'wal') database.exec('pragma wal_autocheckpoint = 40000');
}

/**
 * A database in WAL mode that nobody has open can only be opened by who may create its `-shm` file. Where that is
 * refused to a reader, the file is read as it stands, which is all of it as long as there is no `-wal`. The same where
 * the database may not be written to: SQLite would give the `-shm` file its mode and leave it there, and nobody could
 * write to the database any more, whatever its own mode is then.
 */
function connectReadably(
  connect: (parameters: readonly string[]) => Database,
  options: ConnectionOptions,
): Database {
  const ordinary = options.journal === 'truncate' ? ['vfs=unix-dotfile'] : [];
  if (!options.readOnly) mendSharedMemory(options.file);
  else if (options.journal === 'wal' && isWriteProtected(options.file) && !existsSync(`${options.file}-wal`))
    return connect(['immutable=1']);
  try {
    return connect(ordinary);
  } catch (error) {
    const code = resultCodeOf(error);
    const refused =
      code === resultCodes.cannotOpen || code === resultCodes.readOnly || code === resultCodes.ioError;
    if (!options.readOnly || !refused || existsSync(`${options.file}-wal`)) throw error;
    return connect(['immutable=1']);
  }
}

function isWriteProtected(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

/** A `-shm` file that some reader has left like that (see above) gets the mode of its database, if it is ours. */
function mendSharedMemory(file: string): void {
  const [database, shared] = [file, `${file}-shm`].map((path) => statSync(path, { throwIfNoEntry: false }));
  if (!database || !shared || shared.uid !== process.geteuid?.()) return;
  if ((database.mode & ~shared.mode & 0o600) !== 0) chmodSync(`${file}-shm`, database.mode & 0o666);
}

function isOlder(version: string, oldest: readonly number[]): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, least] of oldest.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
