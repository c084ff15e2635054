/** What is left of a series of samples. */
export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** How many samples there were. */
  readonly runs: number;
}

/** Minimum, median and maximum of at least one sample, in the samples' own unit. */
export function summarise(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError('no samples to summarise');
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)]!;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]!;
  return { min: sorted[0]!, median: (lower + upper) / 2, max: sorted.at(-1)!, runs: sorted.length };
}
