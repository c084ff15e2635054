import type { BuildFacts } from './facts.js';
import {
  type Appearance,
  type Detector,
  matchesIn,
  offsetsIn,
  type Piece,
  type Sighting,
  showsIn,
} from './sighting.js';

/** Both sides hold the directory their build ran in, or the path of an output, where those were not the same. */
export const buildPath: Detector = (sighting) => {
  const { a, b } = sighting.builds;
  const paths = [a.buildDirectory, ...a.storePaths].map(
    (path, i) => [path, [b.buildDirectory, ...b.storePaths][i]] as const,
  );
  return shown(sighting, paths, 'paths of the builds');
};

/** Both sides hold what uname(2) said. */
export const uname: Detector = (sighting) => {
  const { a, b } = sighting.builds;
  const pairs = Object.entries(a.uname).map(([field, value]) => [value, b.uname[field]] as const);
  return shown(sighting, pairs, 'what uname says');
};

/** Both sides hold the value of a locale variable, or the encoding of the locale. */
export const locale: Detector = (sighting) => {
  const { a, b } = sighting.builds;
  const names = Object.keys({ ...a.locale, ...b.locale });
  const pairs = names.map((name) => [a.locale[name] ?? '', b.locale[name] ?? ''] as const);
  const encodings = pairs.flatMap((values) => {
    const [one, other] = values.map(encodingsOf);
    return one!.flatMap((x) => other!.map((y) => [x, y] as const));
  });
  return shown(sighting, [...pairs, ...encodings], 'locales');
};

/** What the encoding of a locale is called: in the C locale, ASCII under its many names. */
function encodingsOf(value: string): string[] {
  if (value === '' || value === 'C' || value === 'POSIX')
    return ['ANSI_X3.4-1968', 'US-ASCII', 'ascii', 'ASCII', '646'];
  const encoding = /\.([\w-]+)/.exec(value)?.[1];
  if (encoding === undefined) return [];
  return /^utf-?8$/i.test(encoding) ? ['UTF-8', 'utf-8', 'utf8', 'UTF8'] : [encoding];
}

function shown(
  { a, b }: Sighting,
  pairs: readonly (readonly [string, string | undefined])[],
  what: string,
): Appearance | undefined {
  for (const [one, other] of pairs) {
    if (other === undefined || one === other || !showsIn(a, one) || !showsIn(b, other)) continue;
    return { evidence: `${what}: '${one}' and '${other}'`, proof: true };
  }
  return undefined;
}

/** Both sides hold a process id of their build, or one as far from its first. */
export const pid: Detector = ({ a, b, builds }) => {
  const [first, firstOther] = [builds.a.pids[0], builds.b.pids[0]];
  if (first === undefined || firstOther === undefined) return undefined;
  const others = numbersIn(b);
  for (const number of numbersIn(a)) {
    const other = others.find((candidate) => {
      if (candidate === number) return false;
      const known = builds.a.pids.includes(number) && builds.b.pids.includes(candidate);
      const child = number - first;
      return known || (child > 0 && child <= furthestChild && candidate - firstOther === child);
    });
    if (other === undefined) continue;
    // Small numbers are everywhere.
    return {
      evidence: `process ids of the builds: ${number} and ${other}`,
      proof: Math.max(number, other) >= 100,
    };
  }
  return undefined;
};

/** Processes a build starts before this one. */
const furthestChild = 1000;

/** Both sides hold the number of processors, or NIX_BUILD_CORES. */
export const cpuCount: Detector = ({ a, b, builds }) => {
  const pairs = [
    [builds.a.cores, builds.b.cores],
    [builds.a.buildCores, builds.b.buildCores],
  ] as const;
  for (const [one, other] of pairs) {
    if (one === other || !numbersIn(a).includes(one) || !numbersIn(b).includes(other)) continue;
    return { evidence: `numbers of processors: ${one} and ${other}`, proof: true };
  }
  return undefined;
};

/** Both sides hold their umask, or a mode that it lets through. */
export const umask: Detector = ({ a, b, builds }) => {
  if (builds.a.umask === builds.b.umask) return undefined;
  const others = modesIn(b);
  for (const mode of modesIn(a)) {
    const other = others.find(
      (candidate) => candidate !== mode && bothFollow(mode, candidate, builds.a, builds.b),
    );
    if (other === undefined) continue;
    return {
      evidence: `modes as the umasks let them through: ${octal(mode)} and ${octal(other)}`,
      proof: true,
    };
  }
  return undefined;
};

function bothFollow(mode: number, other: number, a: BuildFacts, b: BuildFacts): boolean {
  if (mode === a.umask && other === b.umask) return true;
  return [0o666, 0o777].some((asked) => mode === (asked & ~a.umask) && other === (asked & ~b.umask));
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** Octal digits, or letters as `ls` writes them. */
function modesIn(piece: Piece): number[] {
  const digits = matchesIn(piece, /(?<!\d)(?:0o?|100)?([0-7]{3})(?!\d)/g).map(({ 1: digits }) =>
    Number.parseInt(digits!, 8),
  );
  const letters = matchesIn(piece, /(?:[r-][w-][xsS-]){2}[r-][w-][xtT-]/g).map(({ 0: letters }) =>
    [...letters].reduce(
      (mode, letter) => mode * 2 + (letter === '-' || letter === 'S' || letter === 'T' ? 0 : 1),
      0,
    ),
  );
  return [...digits, ...letters];
}

/** Numbers in what differs: decimal in text, of 32 bits in what is not. */
function numbersIn(piece: Piece): number[] {
  const decimal = matchesIn(piece, /\d{1,15}/g).map(({ 0: digits }) => Number(digits));
  const binary = offsetsIn(piece, 4).flatMap((at) => [
    piece.bytes.readUInt32LE(at),
    piece.bytes.readUInt32BE(at),
  ]);
  return [...decimal, ...binary];
}
