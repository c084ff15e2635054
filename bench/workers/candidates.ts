const alphabet = '0123456789abcdfghijklmnpqrsvwxyz';

/** Hash parts to look for: a build looks for its inputs and outputs in what it made, and a score of them is usual. */
export function candidates(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    Array.from({ length: 32 }, (_, place) => alphabet[(index * 7 + place * 11) % 32]).join(''),
  );
}
