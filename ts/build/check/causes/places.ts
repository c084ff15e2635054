import { type Observation, spotsOf } from '../observation.js';
import type { Compared } from './facts.js';
import { type Sighting, sightingOf } from './sighting.js';

/** A kind of comparison: two builds that differ in something on purpose, or repeats under a condition. */
export type Comparison = Compared | 'one-cpu' | 'fixed-addresses';

/** One place of a file in all comparisons. */
export interface Place {
  readonly file: string;
  readonly sightings: ReadonlyMap<Comparison, readonly Sighting[]>;
}

/**
 * What kind of comparison an observation is. A plain repeat of builds that had one CPU, or fixed addresses, where the
 * first observation's first build had not, tells races and addresses from what is random.
 */
export function comparisonOf({ variation, a, b }: Observation, first: Observation): Comparison {
  if (variation !== 'none') return variation;
  if (a.cores === 1 && b.cores === 1 && first.a.cores > 1) return 'one-cpu';
  if (!a.randomAddresses && !b.randomAddresses && first.a.randomAddresses) return 'fixed-addresses';
  return 'none';
}

/**
 * The places that differ anywhere. Spots of several observations are the same place if they lie in the same part of the
 * same file and overlap there, directly or through others that vary one thing.
 */
export function placesOf(observations: readonly Observation[]): Place[] {
  const parts = new Map<string, Seen[]>();
  for (const observation of observations) {
    const comparison = comparisonOf(observation, observations[0]!);
    const builds = { a: observation.a, b: observation.b };
    for (const { file, spot } of spotsOf(observation)) {
      const part = JSON.stringify([file, spot.trail, spot.field ?? '']);
      const seen = parts.get(part) ?? [];
      seen.push({ file, comparison, sighting: sightingOf(spot, builds) });
      parts.set(part, seen);
    }
  }
  return [...parts.values()].flatMap(groupsOf).map(placeOf);
}

interface Seen {
  readonly file: string;
  readonly comparison: Comparison;
  readonly sighting: Sighting;
}

/** What several things varied together make differ counts where nothing else does: it must not make two places one. */
function groupsOf(part: readonly Seen[]): Seen[][] {
  const [together, others] = [true, false].map((is) =>
    part.filter(({ comparison }) => (comparison === 'together') === is),
  ) as [Seen[], Seen[]];
  const alone = together.filter(
    ({ sighting: { spot } }) =>
      !others.some(({ sighting: { spot: other } }) => other.start < spot.end && spot.start < other.end),
  );
  return [...overlapping(others), ...overlapping(alone)];
}

/** Groups of sightings that overlap. */
function overlapping(part: readonly Seen[]): Seen[][] {
  const sorted = [...part].sort((a, b) => a.sighting.spot.start - b.sighting.spot.start);
  const groups: Seen[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const seen of sorted) {
    const { spot } = seen.sighting;
    if (spot.start >= end) groups.push([]);
    groups.at(-1)!.push(seen);
    end = Math.max(end, spot.end);
  }
  return groups;
}

function placeOf(group: readonly Seen[]): Place {
  const sightings = new Map<Comparison, Sighting[]>();
  for (const { comparison, sighting } of group)
    sightings.set(comparison, [...(sightings.get(comparison) ?? []), sighting]);
  return { file: group[0]!.file, sightings };
}
