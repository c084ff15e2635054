import { encodeText } from '../../../base/text.js';
import type { Excerpt } from '../difference.js';
import type { Spot } from '../spot.js';
import type { BuildFacts } from './facts.js';

/** A spot, and the two builds it was seen between. */
export interface Sighting {
  readonly spot: Spot;
  readonly a: Piece;
  readonly b: Piece;
  readonly builds: { readonly a: BuildFacts; readonly b: BuildFacts };
}

/** What one side has, as bytes and as text with one character for each of them. */
export interface Piece {
  readonly bytes: Buffer;
  readonly text: string;
  /** What differs of it. */
  readonly start: number;
  readonly end: number;
}

/** What a spot looks like. `proof`: it is what the builds are known to have had, not only of that shape. */
export interface Appearance {
  readonly evidence: string;
  readonly proof: boolean;
}

/** A detector: pure; undefined for what does not look like that. */
export type Detector = (sighting: Sighting) => Appearance | undefined;

export function sightingOf(spot: Spot, builds: Sighting['builds']): Sighting {
  return { spot, a: pieceOf(spot.a), b: pieceOf(spot.b), builds };
}

function pieceOf(excerpt: Excerpt | undefined): Piece {
  const bytes = excerpt ? encodeText(excerpt.text) : Buffer.alloc(0);
  return { bytes, text: bytes.toString('latin1'), start: excerpt?.start ?? 0, end: excerpt?.end ?? 0 };
}

/** The matches of a global pattern that have a part in the difference. */
export function matchesIn({ text, start, end }: Piece, pattern: RegExp): RegExpExecArray[] {
  return [...text.matchAll(pattern)].filter((match) =>
    touches(match.index, match.index + match[0].length, start, end),
  );
}

/** The offsets at which a number of `length` bytes would have a part in the difference. */
export function offsetsIn({ bytes, start, end }: Piece, length: number): number[] {
  const first = Math.max(0, start - length + 1);
  const last = Math.min(bytes.length - length, Math.max(start, end - 1));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** True if the text has a part of `value` in the difference. */
export function showsIn({ text, start, end }: Piece, value: string): boolean {
  if (value === '') return false;
  const bytes = Buffer.from(encodeText(value)).toString('latin1');
  for (let at = text.indexOf(bytes); at >= 0; at = text.indexOf(bytes, at + 1))
    if (touches(at, at + bytes.length, start, end)) return true;
  return false;
}

/** Where nothing differs on this side, because something was inserted on the other, its neighbours count. */
function touches(from: number, to: number, start: number, end: number): boolean {
  return start === end ? from <= start && to >= end : from < end && to > start;
}
