import { encodeText } from '../../base/text.js';
import type { BuildFacts, Compared, Variation } from './causes/facts.js';
import type { TreeDifference } from './difference.js';
import type { Examined } from './examine.js';
import { excerptsOf, type Spot } from './spot.js';

/** Two builds of one derivation: what was varied, and all that differs. Plain data: it can be kept and named again. */
export interface Observation {
  readonly variation: Compared;
  /** What was varied `together`; absent where that is one thing or nothing. */
  readonly varied?: readonly Variation[];
  readonly a: BuildFacts;
  readonly b: BuildFacts;
  readonly differences: readonly ObservedDifference[];
  /** Differences beyond those that are listed. */
  readonly more: number;
}

export interface ObservedDifference {
  /** Name of the output it lies in: `out`. */
  readonly output: string;
  readonly difference: TreeDifference;
  /** Left out where nothing was decoded. */
  readonly examined?: Examined;
}

/** A spot and the file it lies in: `out/bin/x`, or `out/lib` for what differs in a directory itself. */
export interface LocatedSpot {
  readonly file: string;
  readonly spot: Spot;
}

/**
 * The places that differ in an observation. What a tree says of an entry (its name, mode, type, target) counts as a
 * field; names that only one side has are taken together for each directory.
 */
export function spotsOf({ differences }: Observation): LocatedSpot[] {
  const names = new Map<string, { a: string[]; b: string[] }>();
  const spots: LocatedSpot[] = [];
  for (const { output, difference, examined } of differences) {
    const file = difference.path === '' ? output : `${output}/${difference.path}`;
    if (difference.kind === 'only-in') {
      const slash = file.lastIndexOf('/');
      const directory = slash < 0 ? output : file.slice(0, slash);
      const lists = names.get(directory) ?? { a: [], b: [] };
      lists[difference.side].push(file.slice(slash + 1));
      names.set(directory, lists);
    } else if (difference.kind === 'file') {
      const { executable } = difference;
      if (executable) spots.push({ file, spot: field('mode', mode(executable.a), mode(executable.b)) });
      spots.push(...(examined?.spots ?? []).map((spot) => ({ file, spot })));
    } else {
      spots.push({ file, spot: field(difference.kind, difference.a, difference.b) });
    }
  }
  for (const [file, { a, b }] of names)
    spots.push({ file, spot: field('names', a.join('\n'), b.join('\n')) });
  return spots;
}

function field(name: string, a: string, b: string): Spot {
  return {
    kind: 'field',
    trail: [],
    field: name,
    start: 0,
    end: 1,
    ...excerptsOf(encodeText(a), encodeText(b)),
  };
}

/** Modes as a store keeps them. */
function mode(executable: boolean): string {
  return executable ? '0555' : '0444';
}
