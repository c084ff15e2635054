import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/**
 * The bytes of a file named on the command line. Only a regular file of at most `maxBytes` is read: anything longer
 * is refused before any of it is in memory, and a FIFO is not waited for.
 *
 * Throws ERR_FILE.
 */
export function readInputFile(file: string, maxBytes: number): Buffer {
  const { fd, size } = openInputFile(file);
  try {
    if (size > maxBytes) {
      throw new AirplantError(
        'ERR_FILE',
        `${quote(file)} is ${size} bytes long, more than the ${maxBytes} that are read`,
        { hint: 'Is it the right file?', details: { path: file, size } },
      );
    }
    return readFileSync(fd);
  } catch (error) {
    throw unreadable(error, file);
  } finally {
    closeSync(fd);
  }
}

/** The same for files of any length, in chunks. Throws ERR_FILE. */
export async function* streamInputFile(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { fd } = openInputFile(file);
  try {
    yield* createReadStream('', { fd, highWaterMark: 256 * 1024 });
  } catch (error) {
    throw unreadable(error, file);
  }
}

function openInputFile(file: string): { fd: number; size: number } {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    requireRegular(file, stats);
    return { fd, size: stats.size };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw unreadable(error, file);
  }
}

function requireRegular(file: string, stats: Stats): void {
  if (stats.isFile()) return;
  const what = stats.isDirectory() ? 'a directory' : stats.isFIFO() ? 'a FIFO' : 'a device or socket';
  throw new AirplantError('ERR_FILE', `${quote(file)} is ${what}, not a regular file`, {
    hint: stats.isFIFO()
      ? 'What comes out of a pipe is read where a command takes `-` for standard input.'
      : undefined,
    details: { path: file },
  });
}

function unreadable(error: unknown, file: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new AirplantError('ERR_FILE', `${quote(file)} cannot be read: ${code}`, {
    cause: error,
    details: { path: file, errno: code },
  });
}
