import { inflateRawSync } from 'node:zlib';
import { decodeText } from '../../../base/text.js';
import { formatDosTime } from './dos-time.js';
import { type Format, mostParts, type Part } from './part.js';

/** A zip file (and so a jar or a wheel): the entries of its central directory. Zip64 is left to the bytes. */
export const zip: Format = { name: 'zip', read };

function read(bytes: Buffer): Part[] | undefined {
  if (bytes.length < endLength || bytes.readUInt32LE(0) !== localSignature) return undefined;
  const end = findEnd(bytes);
  if (end === undefined) return undefined;
  const count = bytes.readUInt16LE(end + 10);
  if (count === 0xffff || count > mostParts) return undefined;
  const parts: Part[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    if (at + centralLength > end || bytes.readUInt32LE(at) !== centralSignature) return undefined;
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const next = at + centralLength + name + extra + comment;
    if (next > end) return undefined;
    const part = readEntry(bytes, at, name, extra);
    if (!part) return undefined;
    parts.push(part);
    at = next;
  }
  return parts;
}

const localSignature = 0x04034b50;
const centralSignature = 0x02014b50;
const endSignature = 0x06054b50;
const localLength = 30;
const centralLength = 46;
const endLength = 22;
const longestComment = 0xffff;
const deflated = 8;

/** The end record lies at the end, before a comment of any length. */
function findEnd(bytes: Buffer): number | undefined {
  const lowest = Math.max(0, bytes.length - endLength - longestComment);
  for (let at = bytes.length - endLength; at >= lowest; at--) {
    if (bytes.readUInt32LE(at) === endSignature) return at;
  }
  return undefined;
}

function readEntry(bytes: Buffer, at: number, nameLength: number, extraLength: number): Part | undefined {
  const name = decodeText(bytes.subarray(at + centralLength, at + centralLength + nameLength));
  const extraStart = at + centralLength + nameLength;
  const method = bytes.readUInt16LE(at + 10);
  const length = bytes.readUInt32LE(at + 20);
  const local = bytes.readUInt32LE(at + 42);
  if (local + localLength > bytes.length || bytes.readUInt32LE(local) !== localSignature) return undefined;
  const start = local + localLength + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  if (start + length > bytes.length) return undefined;
  const raw = bytes.subarray(start, start + length);
  const mtime = unixTime(bytes.subarray(extraStart, extraStart + extraLength));
  return {
    name: `entry ${name}`,
    fields: {
      time: formatDosTime(bytes.readUInt16LE(at + 14), bytes.readUInt16LE(at + 12)),
      ...(mtime === undefined ? {} : { mtime }),
      mode: (bytes.readUInt16LE(at + 40) & 0o7777).toString(8).padStart(4, '0'),
      method: String(method),
    },
    raw,
    ...(method === deflated ? { inflate: (limit: number) => inflate(raw, limit) } : {}),
  };
}

/** The modification time of an `extended timestamp` field (0x5455), in Unix seconds. */
function unixTime(extra: Buffer): string | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const [kind, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    const end = at + 4 + length;
    if (end > extra.length) return undefined;
    if (kind === 0x5455 && length >= 5 && extra[at + 4]! & 1) return String(extra.readInt32LE(at + 5));
    at = end;
  }
  return undefined;
}

function inflate(raw: Buffer, limit: number): Buffer | undefined {
  try {
    return inflateRawSync(raw, { maxOutputLength: Math.max(1, limit) });
  } catch {
    return undefined;
  }
}
