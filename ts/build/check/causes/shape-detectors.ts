import { type Detector, matchesIn, offsetsIn, type Piece } from './sighting.js';

/** The same elements stand in another order: decoding has found that out. */
export const order: Detector = ({ spot }) =>
  spot.kind === 'order' ? { evidence: 'the same elements in another order', proof: true } : undefined;

/** Both sides hold what can be an address in a process. Moved by whole pages, it is the address of the same thing. */
export const address: Detector = ({ a, b }) => {
  const others = addressesIn(b);
  for (const one of addressesIn(a)) {
    const other = others.find((candidate) => candidate !== one && regionOf(candidate) === regionOf(one));
    if (other === undefined) continue;
    const proof = one % pageSize === other % pageSize;
    const evidence = `addresses of a process: 0x${one.toString(16)} and 0x${other.toString(16)}`;
    return { evidence: proof ? `${evidence}, apart by whole pages` : evidence, proof };
  }
  return undefined;
};

const pageSize = 4096;

/** Where Linux puts programs and their heap, and libraries, mappings and stack: on x86-64 and on aarch64. */
const regions: readonly (readonly [number, number])[] = [
  [0x5500_0000_0000, 0x5700_0000_0000],
  [0x7e00_0000_0000, 0x8000_0000_0000],
  [0xaaaa_0000_0000, 0xaaab_0000_0000],
  [0xfff0_0000_0000, 0x1_0000_0000_0000],
];

function regionOf(number: number): number {
  return regions.findIndex(([start, end]) => number >= start && number < end);
}

function addressesIn(piece: Piece): number[] {
  const hexadecimal = matchesIn(piece, /[0-9a-f]{12,16}/gi).map(({ 0: digits }) =>
    Number.parseInt(digits, 16),
  );
  const decimal = matchesIn(piece, /\d{14,15}/g).map(({ 0: digits }) => Number(digits));
  const binary = offsetsIn(piece, 8).map((at) => Number(piece.bytes.readBigUInt64LE(at)));
  return [...hexadecimal, ...decimal, ...binary].filter((number) => regionOf(number) >= 0);
}

/** Both sides hold random UUIDs, or digits or bytes most of which differ. A hash of something else looks the same. */
export const random: Detector = ({ spot, a, b }) => {
  if (spot.derived) return undefined;
  const uuid = /[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}/gi;
  const [one, other] = [matchesIn(a, uuid)[0], matchesIn(b, uuid)[0]];
  if (one && other) return { evidence: `random UUIDs (version 4): ${one[0]} and ${other[0]}`, proof: true };
  const [word, otherWord] = [matchesIn(a, token)[0]?.[0], matchesIn(b, token)[0]?.[0]];
  // Words of a language have no digits.
  if (word && otherWord && /\d/.test(word) && /\d/.test(otherWord) && areUnlike(word, otherWord, 0.6))
    return {
      evidence: `random digits, or a hash of what differs: ${clip(word)} and ${clip(otherWord)}`,
      proof: false,
    };
  const [bytes, otherBytes] = [a, b].map(({ text, start, end }) => text.slice(start, end));
  if (/[^\t-\x7e]/.test(bytes! + otherBytes!) && areUnlike(bytes!, otherBytes!, 0.75))
    return { evidence: `${bytes!.length} random bytes, or a hash of what differs`, proof: false };
  return undefined;
};

const token = /[0-9a-zA-Z+/_-]{8,}={0,2}/g;

/** Of the same length, at least 8, of many different characters, and with so large a part of them differing. */
function areUnlike(a: string, b: string, part: number): boolean {
  if (a.length < 8 || Math.abs(a.length - b.length) > 1) return false;
  if (new Set(a).size < 5 || new Set(b).size < 5) return false;
  return [...a].filter((character, i) => character !== b[i]).length >= part * a.length;
}

function clip(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}
