import { accessSync, chmodSync, constants, existsSync, lstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Connect, SqliteDatabase } from './sqlite-database.js';
import { resultCodeOf, resultCodes } from './sqlite-errors.js';
import { openUnlocked, type UnlockedDatabase } from './unlocked-database.js';

const require = createRequire(import.meta.url);

/** How a database is opened. */
export interface ConnectionOptions {
  readonly file: string;
  readonly readOnly: boolean;
  /** Makes the file if there is none. */
  readonly create: boolean;
  /**
   * Nix's `use-sqlite-wal`: `truncate` goes with the locks of the VFS `unix-dotfile`, as it does there. Who only reads
   * goes by the mode that the database is in, where the file system lets him.
   */
  readonly journal: 'wal' | 'truncate';
  /** Locks mean nothing on its file system: whoever reads does without. Default false. */
  readonly unlocked?: boolean | undefined;
  /** Nix's `fsync-metadata`: `normal` or `off`. */
  readonly synchronous: 'normal' | 'off';
}

/** A database that is open, with its locks if it has no stamp. */
export type OpenedDatabase =
  | UnlockedDatabase
  | { readonly database: SqliteDatabase; readonly stamp?: undefined };

/** Milliseconds a read may block the event loop, and opening may take. With a WAL, readers wait for nobody. */
export const readTimeout = 10_000;

/** Opens a database with Nix's pragmas. Throws what `openUnlocked` throws. */
export function openDatabase(options: ConnectionOptions): OpenedDatabase {
  // Loaded when a store is opened; its CommonJS form, which takes half as long.
  const { DatabaseSync } = require('@photostructure/sqlite') as typeof import('@photostructure/sqlite');
  const connect: Connect = (parameters, how) => {
    const { href } = pathToFileURL(how?.copy ?? options.file);
    // Else SQLite would make an empty one, and whoever looks later find a database without tables.
    const mode = options.readOnly || options.create ? [] : ['mode=rw'];
    const query = [...mode, ...parameters].join('&');
    const database = new DatabaseSync(query === '' ? href : `${href}?${query}`, {
      readOnly: options.readOnly && how === undefined,
      timeout: readTimeout,
      returnArrays: true,
    }) as SqliteDatabase;
    try {
      configure(database, options);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  };
  if (options.readOnly) return connectToRead(connect, options);
  mendSharedMemory(options.file);
  return { database: connect(options.journal === 'truncate' ? dotfile : []) };
}

const dotfile = ['vfs=unix-dotfile'];

/**
 * The way of reading that agrees with those who write: with their locks, or else without any.
 *
 * A database in WAL mode that nobody has open can only be opened by who may create its `-shm` file. Where the database may
 * not be written to, that is left alone even if it could be done: SQLite would give the file the mode of the database and
 * leave it there, and nobody could write to the database any more, whatever its own mode is then. A database in another
 * mode has the locks of `unix-dotfile`, for which something must be made beside it, too.
 */
function connectToRead(connect: Connect, { file, journal, unlocked }: ConnectionOptions): OpenedDatabase {
  const isLocked = !unlocked && journal === 'wal' && (existsSync(`${file}-shm`) || isWritable(file));
  const database =
    (isLocked ? unlessRefused(connect, [], 'wal') : undefined) ??
    (!unlocked && isWritable(dirname(file)) ? unlessRefused(connect, dotfile) : undefined);
  return database ? { database } : openUnlocked(connect, file, Date.now() + readTimeout);
}

/** Undefined if that way of opening it is not to be had, or it is in another journal mode. */
function unlessRefused(
  connect: Connect,
  parameters: readonly string[],
  mode?: string,
): SqliteDatabase | undefined {
  try {
    const database = connect(parameters);
    if (mode === undefined || journalModeOf(database) === mode) return database;
    database.close();
    return undefined;
  } catch (error) {
    const code = resultCodeOf(error);
    const refusals: (number | undefined)[] = [
      resultCodes.cannotOpen,
      resultCodes.readOnly,
      resultCodes.ioError,
    ];
    if (refusals.includes(code)) return undefined;
    throw error;
  }
}

/** The first version without the WAL-reset race, which could corrupt a database two processes checkpoint. */
const oldestSqlite = [3, 51, 3];

function configure(database: SqliteDatabase, options: ConnectionOptions): void {
  const version = String(database.prepare('select sqlite_version()').get()![0]);
  if (isOlder(version, oldestSqlite)) {
    throw new AirplantError(
      'ERR_STORE_DATABASE',
      `SQLite ${version} can corrupt a database that several processes write; ${oldestSqlite.join('.')} is needed`,
    );
  }
  // The first statement that touches the file: what is no database, or cannot be read, fails here.
  const mode = journalModeOf(database);
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

function journalModeOf(database: SqliteDatabase): string {
  return String(database.prepare('pragma main.journal_mode').get()![0]);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A `-shm` file that some reader has left with another mode (see above) gets that of its database, if it is ours. */
function mendSharedMemory(file: string): void {
  const [database, shared] = [file, `${file}-shm`].map((path) => lstatSync(path, { throwIfNoEntry: false }));
  if (!database?.isFile() || !shared?.isFile() || shared.uid !== process.geteuid?.()) return;
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
