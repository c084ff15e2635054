/** Columns a terminal needs for the text. SGR sequences need none, East Asian wide characters and emoji two. */
export function cellWidth(text: string): number {
  let width = 0;
  for (const [cell] of text.matchAll(cells)) width += widthOf(cell);
  return width;
}

/** The longest beginning of the text that fits into `columns`; a cut is marked with `…` and closes colours. */
export function truncateCells(text: string, columns: number): string {
  if (cellWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let shown = '';
  let width = 0;
  let coloured = false;
  for (const [cell] of text.matchAll(cells)) {
    const next = widthOf(cell);
    if (width + next > columns - 1) break;
    shown += cell;
    width += next;
    coloured ||= cell.startsWith('\x1b');
  }
  return `${shown}…${coloured ? '\x1b[0m' : ''}`;
}

/** One SGR sequence or one code point. */
const cells = /\x1b\[[0-9;:]*m|[\s\S]/gu;

const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const emoji = /^\p{Emoji_Presentation}$/u;

function widthOf(cell: string): number {
  const code = cell.codePointAt(0)!;
  if (code === 0x1b) return 0;
  if (code < 0x300) return 1;
  if (zeroWidth.test(cell)) return 0;
  return isWide(code) || emoji.test(cell) ? 2 : 1;
}

/** Unicode 15, EastAsianWidth W and F, in the blocks that are entirely or nearly entirely so. */
const wideRanges: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x17000, 0x18cff],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

function isWide(code: number): boolean {
  return wideRanges.some(([first, last]) => code >= first && code <= last);
}
