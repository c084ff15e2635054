import { gunzipSync } from 'node:zlib';
import { decodeText } from '../../../base/text.js';
import type { Format, Part } from './part.js';

/** A gzip file (RFC 1952): what its header says, and what it holds. */
export const gzip: Format = { name: 'gzip', read };

function read(bytes: Buffer): Part[] | undefined {
  if (bytes.length < 18 || bytes.readUInt32BE(0) >>> 8 !== 0x1f8b08) return undefined;
  const flags = bytes[3]!;
  if (flags & 0xe0) return undefined;
  const fields: Record<string, string> = {
    mtime: String(bytes.readUInt32LE(4)),
    level: String(bytes[8]),
    system: String(bytes[9]),
  };
  let at = 10;
  if (flags & hasExtra) at += 2 + bytes.readUInt16LE(10);
  for (const [flag, field] of [
    [hasName, 'name'],
    [hasComment, 'comment'],
  ] as const) {
    if (!(flags & flag)) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    fields[field] = decodeText(bytes.subarray(at, end));
    at = end + 1;
  }
  if (flags & hasChecksum) at += 2;
  if (at > bytes.length - 8) return undefined;
  return [
    { name: 'gzip header', fields, raw: empty },
    { name: 'gzip contents', fields: {}, raw: bytes.subarray(at), inflate: (limit) => inflate(bytes, limit) },
  ];
}

const hasChecksum = 2;
const hasExtra = 4;
const hasName = 8;
const hasComment = 16;
const empty = Buffer.alloc(0);

function inflate(bytes: Buffer, limit: number): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, limit) });
  } catch {
    return undefined;
  }
}
