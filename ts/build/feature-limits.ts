import { AirplantError, isAirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';

/**
 * How many builds at a time may require a system feature, from the items of `max-jobs-per-feature`, of which the last
 * on a feature counts. Builds that require `big-parallel` take all the CPUs they are told to use: unless an item says
 * otherwise there are as many as have room beside one another. Pure.
 *
 * Throws ERR_SETTING for an item that is not `FEATURE=N` with N above 0.
 */
export function featureLimits(
  items: readonly string[],
  { cores, cpus }: { readonly cores: number; readonly cpus: number },
): Map<string, number> {
  const limits = new Map([['big-parallel', Math.max(1, Math.floor(cpus / cores))]]);
  for (const item of items) {
    const [, feature, count] = /^(.+)=([1-9][0-9]{0,5})$/.exec(item) ?? [];
    if (feature === undefined) throw wrongItem(item);
    limits.set(feature, Number(count));
  }
  return limits;
}

/** The system features that a build requires. What is wrong with its options is said when it is looked into. */
export function featuresUsed(derivation: Derivation): readonly string[] {
  try {
    return derivationOptions(derivation).requiredSystemFeatures;
  } catch (error) {
    if (isAirplantError(error)) return [];
    throw error;
  }
}

function wrongItem(item: string): AirplantError {
  return new AirplantError(
    'ERR_SETTING',
    `setting 'max-jobs-per-feature' cannot have ${quote(item)}: its items are FEATURE=N, such as kvm=1`,
    {
      hint: 'To build nothing that requires a feature, leave it out of `system-features`.',
      details: { setting: 'max-jobs-per-feature' },
    },
  );
}
