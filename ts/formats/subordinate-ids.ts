/** So many consecutive ids from `first` on. */
export interface IdRun {
  readonly first: number;
  readonly count: number;
}

/** Ids of one build that wants more than one, as many as Nix gives it: all that programs of old could tell apart. */
export const idsPerRange = 65536;

/** Where Nix's ranges begin that root gives to builds (`start-id`). */
export const defaultStartId = 0x34000000;

/** The kernel keeps the largest 32-bit number for "no id". */
export const largestId = 0xfffffffe;

/**
 * What one user may map of the ids in the text of /etc/subuid or /etc/subgid (subuid(5)), in the order of the lines, which
 * name users by name or by number. Lines that are not as expected are nobody's, as newuidmap has it.
 */
export function parseSubordinateIds(
  text: string,
  user: { readonly name: string; readonly uid: number },
): IdRun[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([^:]+):(\d{1,10}):(\d{1,10})$/.exec(line);
    if (!match || (match[1] !== user.name && match[1] !== String(user.uid))) return [];
    const [first, count] = [Number(match[2]), Number(match[3])];
    return count > 0 && first + count - 1 <= largestId ? [{ first, count }] : [];
  });
}

/** The first ids of all whole ranges of `size` that fit into the runs. */
export function rangesIn(runs: readonly IdRun[], size: number): number[] {
  return runs.flatMap(({ first, count }) =>
    Array.from({ length: Math.floor(count / size) }, (_, i) => first + i * size),
  );
}
