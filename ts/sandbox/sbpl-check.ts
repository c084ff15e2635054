import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';

/**
 * Checks that a text can stand in a seatbelt profile between the forms of others: complete lists and comments, no
 * list left open, none closed that it did not open. What the lists say is for macOS to judge.
 *
 * `about` names the text in messages. Throws ERR_SANDBOX_PROFILE with the line.
 */
export function checkSbpl(text: string, about: string): void {
  /** Lines of the lists that are open. */
  const open: number[] = [];
  let line = 1;
  const refuse = (why: string, at = line) =>
    new AirplantError('ERR_SANDBOX_PROFILE', `${about} does not parse: line ${at} ${why}`, {
      details: { line: at },
    });
  for (const [token] of text.matchAll(tokens)) {
    const start = token[0]!;
    if (token.includes('\0')) throw refuse('holds a NUL character');
    if (start === '(') open.push(line);
    else if (start === ')') {
      if (open.pop() === undefined) throw refuse('closes a list that nothing opened');
    } else if (/^#?"/.test(token)) {
      if (!completeString.test(token)) throw refuse('has a string that never ends');
      if (open.length === 0) throw refuse(`has ${quote(token, 40)} outside any list`);
    } else if (!/^[\s;]/.test(token) && open.length === 0) {
      throw refuse(`has ${quote(token, 40)} outside any list`);
    }
    line += token.split('\n').length - 1;
  }
  if (open.length > 0) throw refuse('opens a list that never ends', open.at(-1)!);
}

/** Every character belongs to one: space, comment, string or regular expression, character, parenthesis, word. */
const tokens =
  /\s+|;[^\n]*|#?"(?:\\[\s\S]|[^"\\])*(?:"|\\?$)|#\\(?:[\s\S]\w*)?|[()]|(?:[^\s();"#]|#(?![\\"]))+/g;

/** As opposed to one cut off by the end of the text. */
const completeString = /^#?"(?:\\[\s\S]|[^"\\])*"$/;
