import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/** Digits of Nix's base 32: those of 0-9 a-z that are not e, o, t or u. */
export const nixBase32Alphabet = '0123456789abcdfghijklmnpqrsvwxyz';

/**
 * Nix's base 32: the bytes read as one little-endian number, its most significant digit first.
 * `n` bytes give `ceil(8n / 5)` digits (20 → 32, 32 → 52, 64 → 103).
 */
export function encodeNixBase32(bytes: Uint8Array): string {
  let text = '';
  for (let digit = encodedLength(bytes.length) - 1; digit >= 0; digit--) {
    const bit = digit * 5;
    const at = bit >> 3;
    const pair = bytes[at]! | ((bytes[at + 1] ?? 0) << 8);
    text += nixBase32Alphabet[(pair >> (bit & 7)) & 31];
  }
  return text;
}

/**
 * The bytes `encodeNixBase32` made the text from.
 * Throws ERR_HASH_SYNTAX for a character outside the alphabet, a length no number of bytes gives, or spare high
 * bits that are not zero: every accepted text encodes back to itself.
 */
export function decodeNixBase32(text: string): Buffer {
  const length = Math.floor((text.length * 5) / 8);
  if (encodedLength(length) !== text.length)
    throw malformed(text, `no number of bytes gives ${text.length} digits`);
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < text.length; i++) {
    const value = digitValue(text.charCodeAt(i));
    if (value === undefined) throw malformed(text, `${quote(text[i]!)} is not one of its digits`);
    const bit = (text.length - 1 - i) * 5;
    const at = bit >> 3;
    const pair = value << (bit & 7);
    bytes[at]! |= pair & 0xff;
    if (at + 1 < length) bytes[at + 1]! |= pair >> 8;
    else if (pair > 0xff) throw malformed(text, 'the first digit is too large');
  }
  return bytes;
}

/** Digits needed for so many bytes. */
export function encodedLength(byteCount: number): number {
  return Math.ceil((byteCount * 8) / 5);
}

const digitValues = new Map(Array.from(nixBase32Alphabet, (digit, value) => [digit.charCodeAt(0), value]));

function digitValue(charCode: number): number | undefined {
  return digitValues.get(charCode);
}

function malformed(text: string, why: string): AirplantError {
  return new AirplantError('ERR_HASH_SYNTAX', `${quote(text)} is not base 32 as Nix writes it: ${why}`, {
    details: { value: text.slice(0, 256) },
  });
}
