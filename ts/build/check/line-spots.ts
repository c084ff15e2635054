import { editScript, type Hunk } from './edit-script.js';
import { sameLinesInOtherOrder, sameWordsInOtherOrder } from './order.js';
import { excerptOf, excerptsOf, mostSpots, type Spot } from './spot.js';

/** A spot whose place in a file is added by the caller. */
export type PlacedSpot = Omit<Spot, 'trail'>;

/** Bytes and lines between the first line that differs and the last; more is compared as bytes. */
const longestMiddle = 8 * 1024 * 1024;
const mostLines = 200_000;
/** Longer lines are not looked at word by word. */
const longestLine = 256 * 1024;

/**
 * Where two texts differ, by lines that end in `separator` (10, or 0 for tables of strings): an order if all lines
 * between the first and the last that differ are the same ones, and otherwise pairs of lines. Undefined if there is
 * too much between those.
 */
export function lineSpots(a: Buffer, b: Buffer, separator: number): PlacedSpot[] | undefined {
  const { before, left, right } = middle(a, b, separator);
  if ([left, right].some((text) => text.length > longestMiddle || countOf(text, separator) > mostLines))
    return undefined;
  const [olds, news] = [linesOf(left, separator), linesOf(right, separator)];
  const firstLine = countOf(a.subarray(0, before), separator) + 1;
  if (sameLinesInOtherOrder(olds, news)) {
    const excerpts = { a: excerptOf(left, 0, left.length), b: excerptOf(right, 0, right.length) };
    return [{ kind: 'order', start: firstLine, end: firstLine + olds.length, ...excerpts }];
  }
  const whole = { aStart: 0, aEnd: olds.length, bStart: 0, bEnd: news.length };
  const spots: PlacedSpot[] = [];
  for (const hunk of editScript(olds, news) ?? [whole]) {
    for (const spot of hunkSpots(hunk, olds, news, firstLine)) {
      // One more than are kept says that there are more.
      if (spots.push(spot) > mostSpots) return spots;
    }
  }
  return spots;
}

/** Both texts without the lines they begin and end with in common. */
function middle(a: Buffer, b: Buffer, separator: number) {
  const shorter = Math.min(a.length, b.length);
  let before = 0;
  while (before < shorter && a[before] === b[before]) before++;
  before = before === 0 ? 0 : a.lastIndexOf(separator, before - 1) + 1;
  let after = 0;
  while (after < shorter - before && a[a.length - 1 - after] === b[b.length - 1 - after]) after++;
  // What is in common at the end begins after a separator, or is nothing.
  const end = after === 0 ? -1 : a.indexOf(separator, a.length - after);
  after = end < 0 ? 0 : a.length - end - 1;
  return { before, left: a.subarray(before, a.length - after), right: b.subarray(before, b.length - after) };
}

/** One character for each byte. */
function linesOf(bytes: Buffer, separator: number): string[] {
  const lines = bytes.toString('latin1').split(String.fromCharCode(separator));
  // A line that has its end is followed by nothing, not by an empty line.
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function countOf(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

/** The lines of a hunk one by one: the first with the first, and so on. */
function* hunkSpots(
  { aStart, aEnd, bStart, bEnd }: Hunk,
  olds: readonly string[],
  news: readonly string[],
  firstLine: number,
): Generator<PlacedSpot> {
  for (let i = 0; i < Math.max(aEnd - aStart, bEnd - bStart); i++) {
    const old = aStart + i < aEnd ? olds[aStart + i] : undefined;
    const now = bStart + i < bEnd ? news[bStart + i] : undefined;
    if (old === now) continue;
    const at = firstLine + aStart + i;
    yield { start: at, end: at + 1, ...pair(old, now) };
  }
}

function pair(old: string | undefined, now: string | undefined): Pick<Spot, 'kind' | 'a' | 'b'> {
  if (old === undefined) return { kind: 'line', b: wholeLine(now!) };
  if (now === undefined) return { kind: 'line', a: wholeLine(old) };
  const kind = old.length <= longestLine && sameWordsInOtherOrder(old, now) ? 'order' : 'line';
  return { kind, ...excerptsOf(Buffer.from(old, 'latin1'), Buffer.from(now, 'latin1')) };
}

function wholeLine(line: string) {
  const bytes = Buffer.from(line, 'latin1');
  return excerptOf(bytes, 0, bytes.length);
}
