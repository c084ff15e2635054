import { createHash } from 'node:crypto';

/** Of text whose characters are bytes: what is rewritten, whole in memory, and where. */
export interface NaiveRewrite {
  readonly text: string;
  /** Where each replaced string began. */
  readonly places: readonly number[];
}

/**
 * Replaces hash parts, at least one, by others in the most obvious way: from left to right, never looking again at what was
 * put in. What cleverer code is compared with.
 */
export function naiveRewrite(text: string, pairs: readonly (readonly [string, string])[]): NaiveRewrite {
  const places: number[] = [];
  const rewritten = text.replace(
    new RegExp(pairs.map(([from]) => from).join('|'), 'g'),
    (from, place: number) => {
      places.push(place);
      return pairs.find(([one]) => one === from)![1];
    },
  );
  return { text: rewritten, places };
}

/** The SHA-256 of an archive modulo a hash part, as Nix defines it. */
export function naiveHashModulo(nar: Buffer, hashPart: string): string {
  const { text, places } = naiveRewrite(nar.toString('latin1'), [[hashPart, '\0'.repeat(32)]]);
  const positions = places.map((place) => `|${place}`).join('');
  return createHash('sha256')
    .update(text + positions, 'latin1')
    .digest('hex');
}
