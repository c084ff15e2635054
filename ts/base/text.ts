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
  let text = '';
  let start = 0;
  for (let i = 0; i < buffer.length; ) {
    const length = sequenceLength(buffer, i);
    if (length > 0) {
      i += length;
      continue;
    }
    text += buffer.toString('utf8', start, i) + String.fromCharCode(0xdc00 + buffer[i]!);
    start = ++i;
  }
  return text + buffer.toString('utf8', start);
}

/** The bytes a string made by `decodeText` stands for. A lone surrogate outside U+DC80..U+DCFF has none: TypeError. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
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
    parts.push(Buffer.from(text.slice(start, i), 'utf8'), Buffer.from([unit - 0xdc00]));
    start = i + 1;
  }
  parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
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
