import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { encodeText } from '../base/text.js';

/** A path in the seatbelt profile language: itself only, or with all below it. */
export interface PathFilter {
  readonly path: string;
  readonly filter: 'literal' | 'subpath';
}

/**
 * `(allow operations (literal "…") (subpath "…") …)`, in as many forms as it takes to keep each below 16 KiB: the
 * interpreter in macOS takes at most 64 KiB at once. No paths make no form, since one without filters would allow
 * the operations everywhere.
 */
export function allowForms(operations: string, paths: readonly PathFilter[]): string {
  const forms: string[] = [];
  let lines = '';
  let size = 0;
  const finish = () => {
    if (lines !== '') forms.push(`(allow ${operations}${lines})\n`);
    lines = '';
    size = 0;
  };
  for (const { filter, path } of paths) {
    const line = `\n  (${filter} ${quoteSbpl(path)})`;
    const lineSize = Buffer.byteLength(line);
    if (size + lineSize > maxFormSize) finish();
    lines += line;
    size += lineSize;
  }
  finish();
  return forms.join('');
}

/**
 * A string literal of printable ASCII: quotes and backslashes escaped, every other byte as `\xNN`. So no path, which
 * may hold any byte but NUL, ends the string or is read in another encoding. `text` is a byte string (base/text.ts).
 * Throws ERR_SANDBOX_PATH for a NUL, at which a profile would be cut off.
 */
export function quoteSbpl(text: string): string {
  let literal = '"';
  for (const byte of encodeText(text)) {
    const character = String.fromCharCode(byte);
    if (byte === 0) {
      throw new AirplantError('ERR_SANDBOX_PATH', `the path ${quote(text)} holds a NUL character`);
    }
    if (character === '"' || character === '\\') literal += `\\${character}`;
    else if (byte < 0x20 || byte > 0x7e) literal += `\\x${byte.toString(16).padStart(2, '0')}`;
    else literal += character;
  }
  return `${literal}"`;
}

const maxFormSize = 16 * 1024 - 256;
