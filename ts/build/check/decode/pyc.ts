import type { Format, Part } from './part.js';

/** Compiled Python (3.7 and newer, PEP 552): the time or hash of its source, and the code. */
export const pyc: Format = { name: 'pyc', read };

function read(bytes: Buffer): Part[] | undefined {
  if (bytes.length <= headerLength || bytes.readUInt16BE(2) !== 0x0d0a) return undefined;
  const magic = bytes.readUInt16LE(0);
  const flags = bytes.readUInt32LE(4);
  // 3390 is Python 3.7; from 20,000 on they are those of Python 1 and 2.
  if (magic < 3390 || magic >= 20_000 || flags > 3) return undefined;
  const source =
    flags & 1
      ? { hash: bytes.toString('hex', 8, headerLength) }
      : { mtime: String(bytes.readUInt32LE(8)), size: String(bytes.readUInt32LE(12)) };
  return [
    { name: 'pyc header', fields: { magic: String(magic), flags: String(flags), ...source }, raw: empty },
    { name: 'code', fields: {}, raw: bytes.subarray(headerLength) },
  ];
}

const headerLength = 16;
const empty = Buffer.alloc(0);
