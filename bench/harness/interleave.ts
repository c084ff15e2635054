import { setTimeout as sleep } from 'node:timers/promises';
import { type Summary, summarise } from './summary.js';

/** Something that can be measured again and again: each call does the work once and answers with one sample. */
export type Sampler = () => Promise<number>;

export interface Series {
  /** Samples kept of each contestant. */
  readonly runs: number;
  /** Samples of each thrown away before, so that caches are warm for both alike. */
  readonly warmUps: number;
  /** Rest before each sample: what a sample leaves to the kernel (dead namespaces) is not charged to the next. */
  readonly pauseMilliseconds: number;
}

export interface Duel {
  readonly ours: Summary;
  readonly yardstick: Summary;
}

/** Samples both in turn, A B A B, so that a machine that slows down slows down both. */
export async function interleave(ours: Sampler, yardstick: Sampler, series: Series): Promise<Duel> {
  const samples = { ours: [] as number[], yardstick: [] as number[] };
  for (let round = -series.warmUps; round < series.runs; round++) {
    for (const [side, sampler] of [['ours', ours] as const, ['yardstick', yardstick] as const]) {
      await sleep(series.pauseMilliseconds);
      const sample = await sampler();
      if (round >= 0) samples[side].push(sample);
    }
  }
  return { ours: summarise(samples.ours), yardstick: summarise(samples.yardstick) };
}
