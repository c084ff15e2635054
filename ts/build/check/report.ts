import type { BuildFacts, Compared, Variation } from './causes/facts.js';
import { type Cause, nameCauses } from './causes/name-causes.js';
import type { DiffoscopeResult } from './diffoscope.js';
import type { Observation } from './observation.js';
import { type ReportedDifference, reportedDifferences } from './reported-differences.js';

/** Everything that was found out about one derivation, as plain data: what `--json` prints. */
export interface DifferenceReport {
  readonly version: 1;
  readonly drvPath: string;
  /** True if no comparison found a difference. */
  readonly reproducible: boolean;
  readonly comparisons: readonly ComparisonSummary[];
  readonly causes: readonly Cause[];
  /** Each place that differs, with each thing that comparisons saw it become; one that always differs, once. */
  readonly differences: readonly ReportedDifference[];
  /** Differences of the comparison with the most of them that are not listed. */
  readonly moreDifferences: number;
  /** What diffoscope says of an output, where it was asked. */
  readonly diffoscope?: readonly OutputDiffoscope[];
}

export interface OutputDiffoscope extends DiffoscopeResult {
  readonly output: string;
}

export interface ComparisonSummary {
  readonly variation: Compared;
  /** What was varied, where that is several things together. */
  readonly varied?: readonly Variation[];
  readonly a: BuildFacts;
  readonly b: BuildFacts;
  /** Entries that differ. */
  readonly differing: number;
}

/** The report on one derivation. Pure: the same observations always give the same report. */
export function makeDifferenceReport(
  drvPath: string,
  observations: readonly Observation[],
  diffoscope?: readonly OutputDiffoscope[],
): DifferenceReport {
  const comparisons = observations.map(({ variation, varied, a, b, differences: { length }, more }) => ({
    variation,
    ...(varied ? { varied } : {}),
    a,
    b,
    differing: length + more,
  }));
  return {
    version: 1,
    drvPath,
    reproducible: comparisons.every(({ differing }) => differing === 0),
    comparisons,
    causes: nameCauses(observations),
    differences: reportedDifferences(observations),
    moreDifferences: Math.max(0, ...observations.map(({ more }) => more)),
    ...(diffoscope ? { diffoscope } : {}),
  };
}
