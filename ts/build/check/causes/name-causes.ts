import type { Observation } from '../observation.js';
import { type Compared, type Variation, variations } from './facts.js';
import { type Comparison, comparisonOf, type Place, placesOf } from './places.js';
import {
  type CauseName,
  type Confidence,
  detectors,
  type Look,
  type Outcome,
  type Rule,
  rules,
} from './rules.js';
import type { Appearance, Sighting } from './sighting.js';

/** Why outputs differ, and how that is known. */
export interface Cause {
  readonly cause: CauseName;
  readonly confidence: Confidence;
  /** Sentences without a full stop, the same ones once, at most `mostEvidence`. What is quoted comes from builders. */
  readonly evidence: readonly string[];
  /** Files with differences of this cause, `OUTPUT/PATH`, at most `mostFiles`. */
  readonly files: readonly string[];
  readonly moreFiles: number;
}

export const mostEvidence = 5;
export const mostFiles = 100;

/**
 * Names what makes a build's outputs differ, from the bytes that differ, which of them belong to one place, which variation
 * made them differ, and the values that the varied conditions had (`BuildFacts`), which are looked for in the bytes. Names of
 * files and outputs tell places apart and mean nothing. The decision table is `rules`. Pure. The causes come the surest first;
 * there are none if nothing differs.
 */
export function nameCauses(observations: readonly Observation[]): Cause[] {
  const first = observations[0];
  if (!first) return [];
  const scene = {
    tested: new Set(observations.map((one) => comparisonOf(one, first))),
    fixedAddresses: !first.a.randomAddresses,
  };
  const found = placesOf(observations).flatMap((place) =>
    withoutMoves(creditedVariations(place).map((variation) => explain(place, variation, scene))),
  );
  const byCause = new Map<CauseName, Explanation[]>();
  for (const one of withoutConsequences(found))
    byCause.set(one.rule.cause, [...(byCause.get(one.rule.cause) ?? []), one]);
  return [...byCause.values()]
    .map(causeOf)
    .sort((a, b) => surest.indexOf(a.confidence) - surest.indexOf(b.confidence));
}

interface Explanation {
  readonly rule: Rule;
  readonly file: string;
  readonly variation: Compared;
  readonly evidence: string;
}

/** What all places have in common. */
interface Scene {
  readonly tested: ReadonlySet<Comparison>;
  /** Addresses are the same in a plain repeat already. */
  readonly fixedAddresses: boolean;
}

const surest: readonly Confidence[] = ['certain', 'likely', 'possible'];

/**
 * What is taken to make a place differ. A plain repeat differs in everything that is never the same twice, a later start
 * in the clock as well; so what differs in those is not explained by anything else that was varied.
 */
function creditedVariations({ sightings }: Place): Compared[] {
  const flipped = variations.filter((variation) => sightings.has(variation));
  const always = flipped.find((variation) => everPresent.includes(variation));
  // Another day comes with a preloaded library, which moves addresses.
  if (always === 'later-day' && sightings.has('addresses')) return [always, 'addresses'];
  if (always !== undefined) return [always];
  if (flipped.length > 0) return flipped;
  // Seen only in a repeat under a condition: as good as in a plain one.
  return [...sightings.keys()].every((one) => one === 'together') ? ['together'] : ['none'];
}

const everPresent: readonly Variation[] = ['none', 'later-start', 'later-day'];

function explain(place: Place, variation: Compared, scene: Scene): Explanation {
  const sightings = place.sightings.get(variation) ?? [...place.sightings.values()].flat();
  const looks = new Map<Look, Appearance | undefined>();
  const look = (name: Look) => {
    if (!looks.has(name)) looks.set(name, firstAppearance(name, sightings));
    return looks.get(name);
  };
  const outcome = (comparison: Comparison): Outcome => {
    const plain = comparison === 'fixed-addresses' && scene.fixedAddresses;
    const made = plain ? 'none' : comparison;
    if (place.sightings.has(made)) return 'differs';
    return scene.tested.has(made) ? 'same' : 'untested';
  };
  const holds = (rule: Rule) =>
    (rule.flippedBy?.includes(variation) ?? true) &&
    (rule.oneCpu === undefined || rule.oneCpu === outcome('one-cpu')) &&
    (rule.fixedAddresses === undefined || rule.fixedAddresses === outcome('fixed-addresses')) &&
    (rule.laterStart === undefined || rule.laterStart === outcome('later-start')) &&
    (rule.look === undefined || appears(look(rule.look), rule));
  const rule = rules.find(holds)!;
  const seen = rule.look && look(rule.look)?.evidence;
  const evidence = [seen, rule.because].filter((text) => text !== undefined).join('; ');
  return { rule, file: place.file, variation, evidence };
}

function appears(appearance: Appearance | undefined, { proof }: Rule): boolean {
  return appearance !== undefined && (proof === undefined || appearance.proof);
}

function firstAppearance(look: Look, sightings: readonly Sighting[]): Appearance | undefined {
  for (const sighting of sightings) {
    const appearance = detectors[look](sighting);
    if (appearance) return appearance;
  }
  return undefined;
}

/**
 * Of one place: what is seen to be an address, or an order that comes from addresses, moves with whatever takes another
 * room in memory, as the environment or a preloaded library does. That explains nothing, unless it shows itself.
 */
function withoutMoves(explanations: readonly Explanation[]): Explanation[] {
  const isMoved = explanations.some(({ rule, variation }) => variation === 'addresses' && rule.look);
  return explanations.filter(({ rule }) => !isMoved || rule.look);
}

/**
 * Leaves out what nothing explains in files of which something else is explained by the same variation: what follows a
 * longer string moves, and offsets, sizes and checksums follow suit.
 */
function withoutConsequences(explanations: readonly Explanation[]): Explanation[] {
  const key = ({ file, variation }: Explanation) => JSON.stringify([file, variation]);
  const explained = new Set(explanations.filter(({ rule }) => rule.cause !== 'unknown').map(key));
  return explanations.filter((one) => one.rule.cause !== 'unknown' || !explained.has(key(one)));
}

function causeOf(explanations: readonly Explanation[]): Cause {
  const confidences = explanations.map(({ rule }) => rule.confidence);
  const files = [...new Set(explanations.map(({ file }) => file))];
  return {
    cause: explanations[0]!.rule.cause,
    confidence: surest.find((one) => confidences.includes(one))!,
    evidence: [...new Set(explanations.map(({ evidence }) => evidence))].slice(0, mostEvidence),
    files: files.slice(0, mostFiles),
    moreFiles: Math.max(0, files.length - mostFiles),
  };
}
