import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/** SQLite's primary result codes that are told apart. */
export const resultCodes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  notDatabase: 26,
} as const;

/** The primary result code of an error that SQLite reported. */
export function resultCodeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** True if somebody else has the lock that was needed. */
export function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === resultCodes.busy || code === resultCodes.protocol;
}

/** The AirplantError for what SQLite reported of a database; anything else as it is. */
export function translateSqliteError(error: unknown, file: string): unknown {
  const from = (error as { code?: unknown } | undefined)?.code;
  const text = error instanceof Error ? error.message : String(error);
  // An integer of 64 bits where nothing we write needs as many.
  if (from === 'ERR_OUT_OF_RANGE') return damaged(file, text, error);
  // What the work itself threw, as opposed to SQLite, is not ours to explain.
  if (from !== 'ERR_SQLITE_ERROR') return error;
  const code = resultCodeOf(error);
  const options = { cause: error, details: { file, sqliteCode: code } };
  const noSpace = (error as { systemErrno?: unknown }).systemErrno === 28;
  if (code === resultCodes.full || (code === resultCodes.ioError && noSpace))
    return new AirplantError('ERR_DISK_FULL', `no space left to write ${quote(file)}`, options);
  if (code === resultCodes.readOnly)
    return new AirplantError('ERR_STORE_READ_ONLY', `${quote(file)} cannot be written: ${text}`, options);
  if (code === resultCodes.cannotOpen)
    return new AirplantError('ERR_STORE_OPEN', `${quote(file)} cannot be opened: ${text}`, options);
  if (code === resultCodes.corrupt || code === resultCodes.notDatabase) return damaged(file, text, error);
  if (isBusy(error)) return busyDatabase(file, error);
  return new AirplantError('ERR_STORE_DATABASE', `${quote(file)}: ${text}`, options);
}

/** The error for a database that holds what no store's database can. */
export function damaged(file: string, why: string, cause?: unknown): AirplantError {
  return new AirplantError('ERR_STORE_DATABASE', `the database ${quote(file)} is damaged: ${why}`, {
    hint: 'Put back a copy of it; without one, `sqlite3 FILE .recover` writes down what can still be read.',
    cause,
    details: { file, sqliteCode: resultCodeOf(cause) },
  });
}

/** The error for a store that has been closed. */
export function closedDatabase(file: string): AirplantError {
  return new AirplantError('ERR_STORE_CLOSED', `the store with the database ${quote(file)} is closed`, {
    details: { file },
  });
}

/** The error for a lock that nobody gave back in time. */
export function busyDatabase(file: string, cause?: unknown): AirplantError {
  return new AirplantError('ERR_STORE_DATABASE', `${quote(file)} is kept locked by another process`, {
    // SQLite's locks without WAL are a directory, which a killed process leaves behind.
    hint: `Find the process that holds it; if there is none, remove ${quote(`${file}.lock`)}.`,
    cause,
    details: { file },
  });
}
