import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import { native } from '../../native.js';
import { keptOf } from '../scratch.js';
import { type KeptRecord, keptRecord } from './kept-record.js';

/** The record in a directory where something was kept. */
export function recordFile(directory: string): string {
  return join(directory, 'failed-build.json');
}

/**
 * The record of what the last failed build of a derivation has left that was kept. `realPath` is where its `.drv` lies.
 *
 * Only a record that nobody but the caller can have written is read: its directory is the caller's and closed to others,
 * and so is the file, which has no other name. Throws ERR_NOTHING_KEPT, or ERR_KEPT_DAMAGED, which says what is wrong.
 */
export function readKept(drvPath: string, realPath: string): KeptRecord {
  const directory = keptOf(realPath);
  const stats = lstatSync(directory, { throwIfNoEntry: false });
  if (!stats) {
    throw new AirplantError('ERR_NOTHING_KEPT', `no failed build of '${drvPath}' was kept`, {
      details: { drvPath },
    });
  }
  if (!stats.isDirectory()) throw damaged(directory, 'it is not a directory');
  if (stats.uid !== process.geteuid?.()) throw damaged(directory, 'it belongs to somebody else');
  if ((stats.mode & 0o077) !== 0) throw damaged(directory, 'others may enter it');
  const record = parseRecord(readRecord(directory), directory);
  if (record.drvPath !== drvPath) {
    throw damaged(directory, `its record is of ${quote(record.drvPath)}`);
  }
  return record;
}

/** More than the largest request. */
const maxRecordBytes = 256 * 1024 * 1024;

function readRecord(directory: string): string {
  const fd = openRecord(directory, 'read');
  try {
    const stats = fstatSync(fd);
    const trusted = stats.isFile() && stats.nlink === 1 && stats.uid === process.geteuid?.();
    if (!trusted || (stats.mode & 0o022) !== 0) throw damaged(directory, 'its record is not only yours');
    if (stats.size > maxRecordBytes) throw damaged(directory, 'its record is too large');
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function parseRecord(text: string, directory: string): KeptRecord {
  try {
    return keptRecord(JSON.parse(text), 'the record');
  } catch (cause) {
    throw damaged(directory, (cause as Error).message, cause);
  }
}

/**
 * Locks what was kept, for whoever is in it or removes it. Null if somebody else has the lock.
 *
 * Throws ERR_KEPT_DAMAGED if there is no record.
 */
export function lockKept(directory: string): Disposable | null {
  const fd = openRecord(directory, 'locked');
  // One without a name has been replaced meanwhile.
  if (native.tryLock(fd, 'exclusive') && fstatSync(fd).nlink > 0) {
    return { [Symbol.dispose]: () => closeSync(fd) };
  }
  closeSync(fd);
  return null;
}

/** Whatever is there, opening it does not wait. */
function openRecord(directory: string, purpose: 'read' | 'locked'): number {
  try {
    return openSync(recordFile(directory), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw damaged(directory, `its record cannot be ${purpose}: ${code}`, cause);
  }
}

function damaged(directory: string, why: string, cause?: unknown): AirplantError {
  return new AirplantError(
    'ERR_KEPT_DAMAGED',
    `what was kept in ${quote(directory)} cannot be used: ${why}`,
    {
      cause,
      details: { directory },
    },
  );
}
