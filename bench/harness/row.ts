import type { Duel } from './interleave.js';
import type { Summary } from './summary.js';
import type { Workspace } from './workspace.js';

/** One question of the bench. A row answers it with one comparison, or a few that come out of the same runs. */
export interface Row {
  /** Short, kebab-case; words of the command line select rows by it. */
  readonly name: string;
  /** Throws `SkippedRow` where this machine cannot answer. */
  measure(bench: Bench): Promise<readonly Comparison[]>;
}

/** What a row is given. */
export interface Bench {
  readonly workspace: Workspace;
  /** The number of runs asked for on the command line, else the row's own. */
  runs(usual: number): number;
}

export interface Comparison {
  readonly name: string;
  readonly unit: Unit;
  readonly ours: Measured;
  readonly yardstick: Measured;
  /** Median of ours by median of the yardstick. */
  readonly ratio: number;
  /** The same of the best run of each: what is left of the ratio when the machine was busy with other things. */
  readonly bestRatio: number;
  /** Bound on `ratio`, on the median of ours or on the difference of the medians; absent where the numbers are only for information. */
  readonly target?: Target;
  readonly met?: boolean;
  /** What a reader must know to judge the numbers, a sentence each. */
  readonly notes: readonly string[];
  /** Further facts for the JSON report alone. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export type Unit = 'ms' | 'MB/s' | 'MB';

export type Measured = Summary & { readonly what: string };

export type Target = {
  readonly bound: 'at most' | 'at least';
} & (
  | { readonly ratio: number }
  /** Of ours, in its unit: for promises in milliseconds or megabytes. */
  | { readonly median: number }
  /** Median of ours less that of the yardstick, in their unit: what something may cost. */
  | { readonly difference: number }
);

/** Thrown by a row that cannot be measured here; the message says why. */
export class SkippedRow extends Error {}

/** Puts a duel into the form of a comparison. Compares with the target, but nothing fails by it. */
export function compare(
  duel: Duel,
  about: {
    readonly name: string;
    readonly unit: Unit;
    readonly ours: string;
    readonly yardstick: string;
    readonly target?: Target;
    readonly notes?: readonly string[];
    readonly facts?: Readonly<Record<string, unknown>>;
  },
): Comparison {
  const ratio = duel.ours.median / duel.yardstick.median;
  return {
    name: about.name,
    unit: about.unit,
    ours: { what: about.ours, ...duel.ours },
    yardstick: { what: about.yardstick, ...duel.yardstick },
    ratio,
    bestRatio:
      about.unit === 'MB/s' ? duel.ours.max / duel.yardstick.max : duel.ours.min / duel.yardstick.min,
    ...(about.target && { target: about.target, met: meets(duel, about.target) }),
    notes: about.notes ?? [],
    facts: about.facts ?? {},
  };
}

function meets({ ours, yardstick }: Duel, target: Target): boolean {
  const [value, bound] =
    'ratio' in target
      ? [ours.median / yardstick.median, target.ratio]
      : 'median' in target
        ? [ours.median, target.median]
        : [ours.median - yardstick.median, target.difference];
  return target.bound === 'at most' ? value <= bound : value >= bound;
}
