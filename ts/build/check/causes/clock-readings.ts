import { matchesIn, offsetsIn, type Piece } from './sighting.js';

/** A time that a piece of an output may stand for. */
export interface ClockReading {
  /** How it is written; two readings are alike only if this is the same. */
  readonly notation: string;
  /** Unix seconds, with fractions; of a time of day, seconds since midnight. */
  readonly time: number;
  /** In a time zone that is not said, so off by some quarter hours. */
  readonly local?: true;
  /** Without a date: repeats every day. */
  readonly ofDay?: true;
  /** Seconds that it may be off by because it is written coarsely. */
  readonly coarse?: number;
}

/** Every time that what differs of a piece may be, in all notations known. */
export function clockReadings(piece: Piece): ClockReading[] {
  return [...writtenNumbers(piece), ...writtenTimes(piece), ...binaryNumbers(piece)];
}

/** Units in which programs count since 1970, by the number of decimal digits they have in this age. */
const units: Readonly<Record<number, { readonly name: string; readonly perSecond: number }>> = {
  10: { name: 'Unix seconds', perSecond: 1 },
  13: { name: 'Unix milliseconds', perSecond: 1e3 },
  16: { name: 'Unix microseconds', perSecond: 1e6 },
  19: { name: 'Unix nanoseconds', perSecond: 1e9 },
};

function writtenNumbers(piece: Piece): ClockReading[] {
  const decimal = matchesIn(piece, /\d+/g).flatMap(({ 0: digits }) => {
    const unit = units[digits.length];
    return unit ? [{ notation: unit.name, time: Number(digits) / unit.perSecond }] : [];
  });
  const hexadecimal = matchesIn(piece, /[0-9a-f]+/gi)
    .filter(({ 0: digits }) => digits.length === 8)
    .map(({ 0: digits }) => ({ notation: 'hexadecimal Unix seconds', time: Number.parseInt(digits, 16) }));
  return [...decimal, ...hexadecimal];
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** A month by its English name, whole or short. */
export const monthPattern: string = '(?<monthName>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*';
/** From 0. */
export function monthIndex(name: string): number {
  return monthNames.indexOf(name.slice(0, 3).toLowerCase());
}

const clock = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)(?:[.,]\\d+)?';
const zone = '(?<zone>Z|UTC|GMT|[+-]\\d\\d:?\\d\\d)';

/** Notations of date and time, the longer ones first: a piece of text is read in the first that fits. */
const notations: readonly { readonly name: string; readonly pattern: RegExp; readonly coarse?: number }[] = [
  {
    name: 'an ISO 8601 time',
    pattern: new RegExp(`(?<year>\\d{4})[-/](?<month>\\d\\d)[-/](?<day>\\d\\d)[T _-]${clock} ?${zone}?`, 'g'),
    coarse: 2,
  },
  {
    name: 'a time as RFC 2822 writes it',
    pattern: new RegExp(`(?<day>\\d{1,2})[ -]${monthPattern}[ -](?<year>\\d{4}) ${clock}(?: ${zone})?`, 'gi'),
  },
  {
    name: 'a time as ctime writes it',
    pattern: new RegExp(
      `${monthPattern} +(?<day>\\d{1,2}) ${clock}(?: ${zone}| [A-Z]{3,5})? (?<year>\\d{4})`,
      'gi',
    ),
  },
  {
    name: 'a time as C compilers write it',
    pattern: new RegExp(`${monthPattern} +(?<day>\\d{1,2})[ ,]+(?<year>\\d{4})[ ,]+${clock}`, 'gi'),
  },
  {
    name: 'a time in 14 digits',
    pattern:
      /(?<!\d)(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)(?:[T_.-]?)(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d)(?!\d)(?<zone>Z)?/g,
  },
  { name: 'a time of day', pattern: new RegExp(`(?<!\\d)${clock}`, 'g') },
];

function writtenTimes(piece: Piece): ClockReading[] {
  for (const { name, pattern, coarse } of notations) {
    const readings = matchesIn(piece, pattern).flatMap(({ groups }) => reading(name, groups!, coarse) ?? []);
    if (readings.length > 0) return readings;
  }
  return [];
}

function reading(
  notation: string,
  groups: Readonly<Record<string, string | undefined>>,
  coarse = 0,
): ClockReading | undefined {
  const number = (name: string) => Number(groups[name]);
  const seconds = number('hour') * 3600 + number('minute') * 60 + number('second');
  if (groups['year'] === undefined) return { notation, time: seconds, local: true, ofDay: true };
  const name = groups['monthName'];
  const month = name === undefined ? number('month') - 1 : monthIndex(name);
  const day = Date.UTC(number('year'), month, number('day')) / 1000;
  const offset = zoneOffset(groups['zone']);
  const time = day + seconds - (offset ?? 0);
  if (!Number.isFinite(time)) return undefined;
  return { notation, time, coarse, ...(offset === undefined ? { local: true } : {}) };
}

/** Seconds east of Greenwich; undefined if none is said. */
function zoneOffset(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

/** Seconds in 32 bits (and so in 64), and finer units in 64, in either byte order, at any offset. */
function binaryNumbers(piece: Piece): ClockReading[] {
  const { bytes } = piece;
  const seconds = offsetsIn(piece, 4).flatMap((at) => [
    { notation: 'little-endian Unix seconds', time: bytes.readUInt32LE(at) },
    { notation: 'big-endian Unix seconds', time: bytes.readUInt32BE(at) },
  ]);
  const finer = offsetsIn(piece, 8).flatMap((at) =>
    Object.values(units)
      .filter(({ perSecond }) => perSecond > 1)
      .flatMap(({ name, perSecond }) => [
        { notation: `little-endian ${name}`, time: Number(bytes.readBigUInt64LE(at)) / perSecond },
        { notation: `big-endian ${name}`, time: Number(bytes.readBigUInt64BE(at)) / perSecond },
      ]),
  );
  return [...seconds, ...finer];
}
