import type { Compared } from './causes/facts.js';
import type { Observation, ObservedDifference } from './observation.js';
import type { Spot } from './spot.js';

export interface ReportedDifference extends ObservedDifference {
  /** Index of the comparison. */
  readonly comparison: number;
}

/**
 * What comparisons saw, with nothing listed twice: an entry comes again, with another comparison, for the places that no
 * earlier one saw differ or that became something else there. What is never the same twice is something else each time,
 * and listed once; so is what several things varied together make of what one of them changes, too. Pure.
 */
export function reportedDifferences(observations: readonly Observation[]): ReportedDifference[] {
  const everDifferent = new Set(
    observations
      .filter(({ variation }) => alwaysOther.includes(variation))
      .flatMap(({ differences }) => differences.flatMap((one) => sightsOf(one).map(({ place }) => place))),
  );
  const places = new Set<string>();
  const listed = new Set<string>();
  const isNew = (variation: Compared, { place, became }: Sight) => {
    const key = JSON.stringify([place, became]);
    const once = variation === 'together' || everDifferent.has(place);
    if (listed.has(key) || (once && places.has(place))) return false;
    places.add(place);
    listed.add(key);
    return true;
  };
  return observations.flatMap((observation, comparison) =>
    observation.differences.flatMap((one) => {
      const fresh = sightsOf(one).filter((sight) => isNew(observation.variation, sight));
      if (fresh.length === 0) return [];
      const { examined } = one;
      if (!examined) return [{ comparison, ...one }];
      const spots = fresh.flatMap(({ spot }) => spot ?? []);
      return [{ comparison, ...one, examined: { ...examined, spots } }];
    }),
  );
}

/** What differs by the clock or by chance differs in these, whatever else was varied. */
const alwaysOther: readonly Compared[] = ['none', 'later-start'];

/** One thing that differs of an entry: where it is, and what the second build had there. */
interface Sight {
  readonly place: string;
  readonly became: string;
  readonly spot?: Spot;
}

function sightsOf({ output, difference, examined }: ObservedDifference): Sight[] {
  const place = (...what: readonly (string | number)[]) =>
    JSON.stringify([output, difference.path, difference.kind, ...what]);
  switch (difference.kind) {
    case 'only-in':
      return [{ place: place(), became: difference.side }];
    case 'file': {
      const { executable, contents } = difference;
      const spots = (examined?.spots ?? []).map((spot) => ({
        place: place(spot.kind, ...spot.trail, spot.field ?? '', spot.start),
        became: spot.b?.text ?? '',
        spot,
      }));
      return [
        ...(executable ? [{ place: place('mode'), became: String(executable.b) }] : []),
        ...spots,
        // Bytes that nothing was made of.
        ...(contents && spots.length === 0
          ? [{ place: place('bytes', contents.first), became: contents.ranges[0]?.b.text ?? '' }]
          : []),
      ];
    }
    default:
      return [{ place: place(), became: difference.b }];
  }
}
