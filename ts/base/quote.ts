/**
 * A value from outside, in quotes, fit for an error message: one line, at most `limit` characters of the value,
 * control characters and bytes that are not UTF-8 as `\xNN`, other unprintable ones as `\u{…}`, so that no
 * message can drive a terminal.
 */
export function quote(text: string, limit = 120): string {
  const shown = text.length > limit ? text.slice(0, limit) : text;
  const rest = text.length - shown.length;
  return `'${printable(shown)}${rest > 0 ? `…' (${rest} more)` : "'"}`;
}

/** The same without quotes and limit, for text that is a message already. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  // U+DC80..U+DCFF stand for single bytes, see text.ts.
  const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
  return byte < 0x100 ? `\\x${byte.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
