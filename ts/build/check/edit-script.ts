/** Elements `aStart` to `aEnd` of the one list became `bStart` to `bEnd` of the other; ends are excluded. */
export interface Hunk {
  readonly aStart: number;
  readonly aEnd: number;
  readonly bStart: number;
  readonly bEnd: number;
}

/** More insertions and deletions than this are not looked for. */
const mostEdits = 300;

/**
 * The shortest way to turn one list into the other (Myers, "An O(ND) Difference Algorithm", 1986), as hunks in order;
 * undefined where it would take more than `mostEdits` insertions and deletions.
 */
export function editScript(a: readonly string[], b: readonly string[]): Hunk[] | undefined {
  /** For every number of edits, how far along `a` each diagonal has come. */
  const trace: Int32Array[] = [];
  const reach = new Int32Array(2 * mostEdits + 3);
  const middle = mostEdits + 1;
  for (let edits = 0; edits <= mostEdits; edits++) {
    trace.push(reach.slice(middle - edits - 1, middle + edits + 2));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const at = middle + diagonal;
      const down = diagonal === -edits || (diagonal !== edits && reach[at - 1]! < reach[at + 1]!);
      let x = down ? reach[at + 1]! : reach[at - 1]! + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      reach[at] = x;
      if (x >= a.length && x - diagonal >= b.length) return hunksOf(trace, a.length, b.length);
    }
  }
  return undefined;
}

/** Walks back along the edits; those that touch one another are one hunk. */
function hunksOf(trace: readonly Int32Array[], aLength: number, bLength: number): Hunk[] {
  const hunks: Hunk[] = [];
  let [x, y] = [aLength, bLength];
  for (let edits = trace.length - 1; edits > 0; edits--) {
    const reach = trace[edits]!;
    const at = (diagonal: number) => reach[diagonal + edits + 1]!;
    const diagonal = x - y;
    const down = diagonal === -edits || (diagonal !== edits && at(diagonal - 1) < at(diagonal + 1));
    const before = down ? diagonal + 1 : diagonal - 1;
    const [fromX, fromY] = [at(before), at(before) - before];
    const hunk = {
      aStart: fromX,
      aEnd: down ? fromX : fromX + 1,
      bStart: fromY,
      bEnd: down ? fromY + 1 : fromY,
    };
    const later = hunks[0];
    if (later && later.aStart === hunk.aEnd && later.bStart === hunk.bEnd)
      hunks[0] = { ...later, aStart: hunk.aStart, bStart: hunk.bStart };
    else hunks.unshift(hunk);
    [x, y] = [fromX, fromY];
  }
  return hunks;
}
