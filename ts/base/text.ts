import { isUtf8 } from 'node:buffer';

/**
 * Byte strings as JavaScript strings, losing nothing.
 *
 * Derivations, file names and link targets are bytes; nearly always they are UTF-8. `decodeText` gives the
 * ordinary string then, and otherwise maps every byte that is not part of valid UTF-8 to the lone surrogate
 * U+DC00 + byte (U+DC80..U+DCFF), as Python's `surrogateescape` does (PEP 383). `encodeText` is its inverse.
 */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  // Never more units than bytes. Pieces put together one by one would take many times the memory.
  const units = new Uint16Array(buffer.length);
  let count = 0;
  for (let i = 0; i < buffer.length; ) {
    const length = sequenceLength(buffer, i);
    const code = length === 0 ? 0xdc00 + buffer[i]! : codePointAt(buffer, i, length);
    if (code > 0xffff) {
      units[count++] = 0xd7c0 + (code >> 10);
      units[count++] = 0xdc00 + (code & 0x3ff);
    } else {
      units[count++] = code;
    }
    i += length || 1;
  }
  return Buffer.from(units.buffer, 0, count * 2).toString('utf16le');
}

/** The bytes a string made by `decodeText` stands for. A lone surrogate outside U+DC80..U+DCFF has none: TypeError. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  // A lone surrogate counts as three bytes here, and becomes one.
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text, 'utf8'));
  let length = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
      i++;
      continue;
    }
    if (unit < 0xdc80 || unit > 0xdcff) {
      throw new TypeError(
        `lone surrogate U+${unit.toString(16).toUpperCase()} at index ${i} stands for no byte`,
      );
    }
    if (start < i) length += bytes.write(text.slice(start, i), length, 'utf8');
    bytes[length++] = unit - 0xdc00;
    start = i + 1;
  }
  length += bytes.write(text.slice(start), length, 'utf8');
  return bytes.subarray(0, length);
}

/** Order of the encoded bytes, which is what Nix sorts by (UTF-16 order differs above U+FFFF). */
export function compareText(a: string, b: string): number {
  if (isAscii(a) && isAscii(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(encodeText(a), encodeText(b));
}

function isAscii(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text);
}

/** Length of the valid UTF-8 sequence at `at`, or 0 (Unicode 15, table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const continuation = (k: number, low = 0x80, high = 0xbf) => {
    const byte = bytes[at + k];
    return byte !== undefined && byte >= low && byte <= high;
  };
  if (first >= 0xc2 && first <= 0xdf) return continuation(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return continuation(1, low, high) && continuation(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xf4 ? 0x8f : 0xbf;
    return continuation(1, low, high) && continuation(2) && continuation(3) ? 4 : 0;
  }
  return 0;
}

/** The character of a valid UTF-8 sequence of `length` bytes. */
function codePointAt(bytes: Uint8Array, at: number, length: number): number {
  const first = bytes[at]!;
  if (length === 1) return first;
  let code = first & (0x7f >> length);
  for (let k = 1; k < length; k++) code = (code << 6) | (bytes[at + k]! & 0x3f);
  return code;
}
