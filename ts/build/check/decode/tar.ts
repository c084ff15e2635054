import { decodeText } from '../../../base/text.js';
import { type Format, mostParts, type Part } from './part.js';

/** A tar archive: old, POSIX (ustar, pax) or GNU. */
export const tar: Format = { name: 'tar', read };

function read(bytes: Buffer): Part[] | undefined {
  const parts: Part[] = [];
  /** What extended headers say of the next member. */
  let extended: Record<string, string> = {};
  let at = 0;
  while (at + blockLength <= bytes.length) {
    const header = bytes.subarray(at, at + blockLength);
    if (header[0] === 0 && parts.length > 0 && header.every((byte) => byte === 0)) return parts;
    if (!checksumHolds(header) || parts.length === mostParts) return undefined;
    const size = readNumber(header, 124, 12);
    const start = at + blockLength;
    if (size === undefined || start + size > bytes.length) return undefined;
    const raw = bytes.subarray(start, start + size);
    at = start + Math.ceil(size / blockLength) * blockLength;
    const type = String.fromCharCode(header[156]!);
    if (type === 'x') extended = { ...extended, ...readRecords(raw) };
    else if (type === 'L') extended = { ...extended, path: readString(raw, 0, raw.length) };
    else if (type === 'K') extended = { ...extended, linkpath: readString(raw, 0, raw.length) };
    else {
      parts.push(memberOf(header, type, raw, extended));
      extended = {};
    }
  }
  return parts.length > 0 ? parts : undefined;
}

const blockLength = 512;

/** The sum of all bytes of a header, those of the sum itself taken as spaces. This is what makes it a tar file. */
function checksumHolds(header: Buffer): boolean {
  let sum = 8 * 0x20;
  for (let i = 0; i < blockLength; i++) if (i < 148 || i >= 156) sum += header[i]!;
  return readNumber(header, 148, 8) === sum;
}

function memberOf(header: Buffer, type: string, raw: Buffer, extended: Record<string, string>): Part {
  const text = (at: number, length: number) => readString(header, at, length);
  const number = (at: number, length: number) => String(readNumber(header, at, length) ?? '?');
  const isPosix = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(345, 155) : '';
  const name = extended['path'] ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`);
  return {
    name: type === 'g' ? 'global header' : `member ${name}`,
    fields: {
      type,
      mode: (readNumber(header, 100, 8) ?? 0).toString(8).padStart(4, '0'),
      uid: extended['uid'] ?? number(108, 8),
      gid: extended['gid'] ?? number(116, 8),
      mtime: extended['mtime'] ?? number(136, 12),
      user: extended['uname'] ?? text(265, 32),
      group: extended['gname'] ?? text(297, 32),
      target: extended['linkpath'] ?? text(157, 100),
      ...(extended['atime'] === undefined ? {} : { atime: extended['atime'] }),
      ...(extended['ctime'] === undefined ? {} : { ctime: extended['ctime'] }),
    },
    raw,
  };
}

/** Octal digits, or the binary form GNU uses for large numbers; undefined for neither. */
function readNumber(header: Buffer, at: number, length: number): number | undefined {
  if (header[at]! & 0x80) {
    let value = header[at]! & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[at + i]!;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = readString(header, at, length).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined;
}

function readString(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return decodeText(end < 0 ? field : field.subarray(0, end));
}

/** The records `LENGTH KEY=VALUE\n` of a pax header, as far as they are well-formed. */
function readRecords(bytes: Buffer): Record<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 || space - at > 10 ? Number.NaN : Number(bytes.toString('latin1', at, space));
    const end = at + length;
    if (!(length > space - at + 1 && end <= bytes.length)) break;
    const record = bytes.subarray(space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals > 0) {
      records.set(record.toString('latin1', 0, equals), decodeText(record.subarray(equals + 1)));
    }
    at = end;
  }
  return Object.fromEntries(records);
}
