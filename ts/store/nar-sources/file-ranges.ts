import { close, constants, fstatSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import type { ByteRanges } from '../../formats/nar/byte-ranges.js';

/** Ranges that hold something open until they are disposed of. */
export interface OpenRanges extends ByteRanges, AsyncDisposable {}

/** The bytes of a regular file. Throws ERR_FILE; also later, if the file becomes shorter. */
export function openFileRanges(file: string): OpenRanges {
  const fd = attempt(file, () => openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
  const stats = fstatSync(fd);
  const dispose = () => promisify(close)(fd);
  if (!stats.isFile()) {
    void dispose();
    throw new AirplantError('ERR_FILE', `${quote(file)} is not a regular file`, { details: { path: file } });
  }
  return {
    size: stats.size,
    read: async (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      for (let have = 0; have < length; ) {
        const { bytesRead } = await promisify(read)(fd, bytes, have, length - have, offset + have);
        if (bytesRead === 0) throw shorter(file);
        have += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AirplantError('ERR_FILE', `${quote(file)} cannot be read: ${code}`, {
      cause: error,
      details: { path: file, errno: code },
    });
  }
}

function shorter(file: string): AirplantError {
  return new AirplantError('ERR_FILE', `${quote(file)} has become shorter while it was read`, {
    details: { path: file },
  });
}
