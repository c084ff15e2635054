import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Connect, SqliteDatabase } from './sqlite-database.js';

/** A database that is read without locks. What is read of it is sound only as long as its files are as they were. */
export interface UnlockedDatabase {
  readonly database: SqliteDatabase;
  /** What the files were like when it was opened; see `stampOf`. */
  readonly stamp: string;
  /** A copy is one state of the database, if an old one. Otherwise what was read while the files changed is nothing. */
  readonly isCopy: boolean;
}

/**
 * Opens a database, whose locks are not to be had or mean nothing, as its files stand: SQLite is told that they will not
 * change, and the caller is to look whether they have. What a transaction that is under way, or a killed process, has
 * left in a log can only be read by writing beside it: that is done to a copy, which nobody sees and which is gone with the
 * connection.
 *
 * Blocks the event loop while the files keep changing. Throws the errors of SQLite and of the operating system, and
 * ERR_STORE_DATABASE for a database that does not come to rest until `deadline` (as `Date.now()`).
 */
export function openUnlocked(connect: Connect, file: string, deadline: number): UnlockedDatabase {
  for (;;) {
    const stamp = stampAtRest(file, deadline);
    const isCopy = logsOf(file).length > 0;
    let database: SqliteDatabase | undefined;
    try {
      database = isCopy ? connectToCopy(connect, file) : connect(['immutable=1']);
      if (stampOf(file) === stamp) return { database, stamp, isCopy };
    } catch (error) {
      if (stampOf(file) === stamp) throw error;
    }
    database?.close();
  }
}

/**
 * Something that is another text once anybody has written to the database. Files of the log are part of it: a writer makes
 * one, or adds to it, before he touches the database itself.
 */
export function stampOf(file: string): string {
  return statsOf(file)
    .map((stats) => stats && [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join())
    .join(' ');
}

/** The error for a database that others write to all the time, where their locks cannot be waited for. */
export function restlessDatabase(file: string): AirplantError {
  return new AirplantError(
    'ERR_STORE_DATABASE',
    `${quote(file)} cannot be read without its locks while others write to it all the time`,
    { hint: 'Try again later, or read the store as the user it belongs to.', details: { file } },
  );
}

/** Sleeps where nothing can be awaited. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

const logs = ['-wal', '-journal'];

/** Milliseconds after which a file that is written again has another time for sure: clocks of files may tick slowly. */
const tick = 25;

/** A stamp that the next write will change: within one tick of the clock of files there may have been several. */
function stampAtRest(file: string, deadline: number): string {
  let stamp = stampOf(file);
  const times = statsOf(file).flatMap((stats) => (stats ? [stats.mtimeMs, stats.ctimeMs] : []));
  // A time to come is that of another clock, which says nothing about now.
  if (times.every((time) => Math.abs(Date.now() - Number(time)) > tick)) return stamp;
  for (;;) {
    block(tick);
    const now = stampOf(file);
    if (now === stamp) return now;
    if (Date.now() > deadline) throw restlessDatabase(file);
    stamp = now;
  }
}

function statsOf(file: string) {
  return ['', ...logs].map((suffix) => statSync(`${file}${suffix}`, { bigint: true, throwIfNoEntry: false }));
}

/** Suffixes of the files that hold something the database does not. */
function logsOf(file: string): string[] {
  return logs.filter((suffix) => (statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0) > 0);
}

function connectToCopy(connect: Connect, file: string): SqliteDatabase {
  const directory = mkdtempSync(join(tmpdir(), 'airplant-database-'));
  try {
    const copy = join(directory, 'db.sqlite');
    copyDatabase(file, copy);
    for (const suffix of logsOf(file)) {
      copyFileSync(`${file}${suffix}`, `${copy}${suffix}`, constants.COPYFILE_FICLONE);
      // What is rolled back is written to, and a file of another user may be read-only.
      chmodSync(`${copy}${suffix}`, 0o600);
    }
    const database = connect([], { copy });
    // What is written to it would be lost.
    database.exec('pragma query_only = 1');
    return database;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Descriptors of databases, by device and inode. They stay open while the process lives: closing one would drop the POSIX
 * locks that any connection of this process has on the same file.
 */
const descriptors = new Map<string, number>();

function copyDatabase(file: string, copy: string): void {
  const { dev, ino } = statSync(file);
  const source = descriptors.get(`${dev}:${ino}`) ?? openForGood(file);
  const target = openSync(copy, 'wx', 0o600);
  try {
    const buffer = Buffer.allocUnsafe(2 ** 20);
    for (let at = 0, length = 1; length > 0; at += length) {
      length = readSync(source, buffer, 0, buffer.length, at);
      for (let written = 0; written < length; )
        written += writeSync(target, buffer, written, length - written);
    }
  } finally {
    closeSync(target);
  }
}

function openForGood(file: string): number {
  const descriptor = openSync(file, 'r');
  const { dev, ino } = fstatSync(descriptor);
  descriptors.set(`${dev}:${ino}`, descriptor);
  return descriptor;
}
