/**
 * True for the same lines in another order. What separates the elements of a list (a comma at the end of a line, blanks
 * around it) does not count.
 */
export function sameLinesInOtherOrder(a: readonly string[], b: readonly string[]): boolean {
  const element = (line: string) => line.trim().replace(/[,;\\]$/, '');
  return isPermutation(a.map(element), b.map(element));
}

/**
 * True for the same words in another order; brackets, quotes and what separates words do not count. A colon between digits
 * separates none: 10:20 and 20:10 are two times.
 */
export function sameWordsInOtherOrder(a: string, b: string): boolean {
  const words = (line: string) =>
    line.split(/[\s,;|(){}[\]<>"'=]+|(?<!\d):|:(?!\d)/).filter((word) => word !== '');
  return isPermutation(words(a), words(b));
}

/**
 * True for buffers of the same length that hold the same strings, or the same records of 4 to 32 bytes, in another
 * order. Records lie at multiples of their length.
 */
export function sameRecordsInOtherOrder(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length) return false;
  const region = differingRegion(a, b);
  if (region.end - region.start > longestShuffled) return false;
  const inside = (align: number) => {
    const start = region.start - (region.start % align);
    const end = Math.ceil(region.end / align) * align;
    return end > a.length ? undefined : ([a.subarray(start, end), b.subarray(start, end)] as const);
  };
  if (!sameHistogram(...inside(1)!)) return false;
  // The strings that the difference begins and ends in are taken whole.
  const before = Math.max(0, region.start - longestString);
  const strings = (bytes: Buffer) =>
    bytes.toString('latin1', before, region.end + longestString).match(/[\x20-\x7e]{2,}/g) ?? [];
  if (isPermutation(strings(a), strings(b))) return true;
  return recordLengths.some((length) => {
    const pair = inside(length);
    return (
      pair !== undefined &&
      isPermutation(...(pair.map((one) => records(one, length)) as [string[], string[]]))
    );
  });
}

const longestShuffled = 1024 * 1024;
const longestString = 256;
const recordLengths: readonly number[] = [32, 16, 8, 4];

/** From the first to the last byte that differs. */
function differingRegion(a: Buffer, b: Buffer): { readonly start: number; readonly end: number } {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = a.length;
  while (end > start && a[end - 1] === b[end - 1]) end--;
  return { start, end };
}

function records(bytes: Buffer, length: number): string[] {
  return Array.from({ length: bytes.length / length }, (_, i) =>
    bytes.toString('hex', i * length, (i + 1) * length),
  );
}

/** The same elements, and not in the same order. */
function isPermutation(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length || a.length < 2) return false;
  if (a.every((element, i) => element === b[i])) return false;
  const [left, right] = [[...a].sort(), [...b].sort()];
  return left.every((element, i) => element === right[i]);
}

function sameHistogram(a: Buffer, b: Buffer): boolean {
  const counts = new Int32Array(256);
  for (const byte of a) counts[byte]!++;
  for (const byte of b) counts[byte]!--;
  return counts.every((count) => count === 0);
}
