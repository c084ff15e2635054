/**
 * Makes text that someone else wrote (a builder, a cache, a derivation) safe to show on a terminal: one line, no
 * control character, no escape sequence except colours.
 *
 * Kept: printable text and, with `colours`, SGR sequences (`ESC [ … m`), which are then closed with a reset. A tab
 * becomes spaces up to the next multiple of 8. Dropped: every other CSI sequence; OSC, DCS, SOS, PM and APC strings
 * with their contents, ended or not; any other escape sequence; C0 and C1 controls; line and paragraph separators;
 * the characters that reorder text (U+202A..U+202E, U+2066..U+2069). A lone surrogate becomes U+FFFD.
 *
 * A carriage return goes back to the start of the line, and what follows overwrites it, as progress bars expect.
 */
export function filterLine(line: string, options: { readonly colours: boolean }): string {
  return filterSequences(line.includes('\r') ? overwrite(line) : line, options.colours);
}

/** The same for text of several lines. */
export function filterText(text: string, options: { readonly colours: boolean }): string {
  return text
    .split('\n')
    .map((line) => filterLine(line, options))
    .join('\n');
}

function overwrite(line: string): string {
  const cells: string[] = [];
  let column = 0;
  for (const character of line) {
    if (character === '\r') column = 0;
    else cells[column++] = character;
  }
  return cells.join('');
}

/** ECMA-48: parameter bytes, intermediate bytes, one final byte. */
const csi = /(?:\x1b\[|\x9b)([0-?]*[ -/]*)([@-~])?/y;
/** OSC, DCS, SOS, PM, APC: until ST, or BEL as xterm allows; without an end, everything. */
const controlString =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x1b(?!\\)[^\x07\x1b\x9c]*)*(?:\x07|\x1b\\|\x9c|$)/y;
const otherEscape = /\x1b[ -/]*[0-~]?/y;
const plainRun = /[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+/y;
const colourParameters = /^[0-9;:]{0,64}$/;

function filterSequences(line: string, colours: boolean): string {
  let shown = '';
  let column = 0;
  let coloured = false;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match) at += match[0].length;
    return match ?? undefined;
  };
  while (at < line.length) {
    const run = take(plainRun);
    if (run) {
      shown += run[0];
      column += run[0].length;
      continue;
    }
    const sequence = take(csi);
    if (sequence) {
      if (colours && sequence[2] === 'm' && colourParameters.test(sequence[1]!)) {
        shown += `\x1b[${sequence[1]}m`;
        coloured = true;
      }
      continue;
    }
    if (take(controlString) || take(otherEscape)) continue;
    const character = String.fromCodePoint(line.codePointAt(at)!);
    at += character.length;
    const visible = showCharacter(character, column);
    shown += visible;
    column += visible.length;
  }
  return coloured ? `${shown}\x1b[0m` : shown;
}

/** A character that stands alone: a tab, an astral character, or one that is not shown. */
function showCharacter(character: string, column: number): string {
  if (character === '\t') return ' '.repeat(8 - (column % 8));
  if (character.length === 2) return character;
  return character >= '\ud800' && character <= '\udfff' ? '\ufffd' : '';
}
