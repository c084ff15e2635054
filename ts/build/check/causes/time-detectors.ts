import { type ClockReading, clockReadings, monthIndex, monthPattern } from './clock-readings.js';
import type { BuildFacts } from './facts.js';
import { type Detector, matchesIn, type Piece } from './sighting.js';

/** Both sides hold a time at which their build ran, in the same notation and time zone. */
export const timestamp: Detector = ({ a, b, builds }) => {
  const others = clockReadings(b);
  for (const one of clockReadings(a)) {
    const shift = zoneShift(one, builds.a);
    if (shift === undefined) continue;
    const other = others.find(
      (reading) =>
        reading.notation === one.notation &&
        reading.time !== one.time &&
        zoneShift(reading, builds.b, shift) === shift,
    );
    if (other)
      return {
        evidence: `${one.notation}: ${said(one)} and ${said(other)}, when the builds ran`,
        proof: true,
      };
  }
  return undefined;
};

/** Seconds before and after a build that still count as in it: clocks are read with less precision than they have. */
const tolerance = 1;
const quarterHour = 900;
const day = 86_400;
/** Of a build that takes a large part of a quarter hour, nearly every time is one in some time zone. */
const longestGuess = 300;
/** Time zones reach from 12 hours west to 14 hours east. */
const largestShift = 14 * 3600;

/**
 * How far a reading is from the time of its build, in whole quarter hours if its time zone is not known, and otherwise 0;
 * undefined if it is no time at which the build ran. With `wanted`, that shift only.
 */
function zoneShift(reading: ClockReading, build: BuildFacts, wanted?: number): number | undefined {
  const { time, coarse = 0 } = reading;
  const [earliest, latest] = [build.startedAt - tolerance - coarse, build.stoppedAt + tolerance];
  const within = (shift: number) => {
    if (!reading.ofDay) return earliest <= time - shift && time - shift <= latest;
    const since = (((time - shift - earliest) % day) + day) % day;
    return since <= latest - earliest;
  };
  if (wanted !== undefined) return within(wanted) ? wanted : undefined;
  if (!reading.local || latest - earliest > longestGuess) return within(0) ? 0 : undefined;
  for (let shift = 0; shift <= largestShift; shift += quarterHour) {
    if (within(shift)) return shift;
    if (within(-shift)) return -shift;
  }
  return undefined;
}

function said({ time, ofDay }: ClockReading): string {
  const text = new Date(Math.min(time, 8.64e12) * 1000).toISOString();
  return ofDay ? text.slice(11, 19) : text;
}

/** Both sides hold the date of their build, or the day before or after it, as time zones may have it. */
export const date: Detector = ({ a, b, builds }) => {
  const others = datesIn(b);
  for (const one of datesIn(a)) {
    if (!isDayOf(one.day, builds.a)) continue;
    const other = others.find(
      ({ notation, day }) => notation === one.notation && day !== one.day && isDayOf(day, builds.b),
    );
    if (other) return { evidence: `dates of the builds: '${one.text}' and '${other.text}'`, proof: true };
  }
  return undefined;
};

interface DateReading {
  readonly notation: number;
  /** Days since 1970. */
  readonly day: number;
  readonly text: string;
}

const year = '(?<year>(?:19|20)\\d\\d)';
const dateNotations: readonly RegExp[] = [
  new RegExp(`${year}[-/.](?<month>\\d\\d)[-/.](?<day>\\d\\d)`, 'g'),
  new RegExp(`(?<!\\d)${year}(?<month>\\d\\d)(?<day>\\d\\d)(?!\\d)`, 'g'),
  new RegExp(`(?<day>\\d{1,2})[-/.](?<month>\\d{1,2})[-/.]${year}`, 'g'),
  new RegExp(`(?<month>\\d{1,2})/(?<day>\\d{1,2})/${year}`, 'g'),
  /(?<month>\d\d)\/(?<day>\d\d)\/(?<short>\d\d)(?!\d)/g,
  new RegExp(`(?<day>\\d{1,2})(?:st|nd|rd|th)?[ -]${monthPattern},?[ -]${year}`, 'gi'),
  new RegExp(
    `${monthPattern} +(?<day>\\d{1,2})(?:st|nd|rd|th)?,? +(?:\\d\\d:\\d\\d:\\d\\d +(?:[A-Z]+ +)?)?${year}`,
    'gi',
  ),
];

function datesIn(piece: Piece): DateReading[] {
  return dateNotations.flatMap((pattern, notation) =>
    matchesIn(piece, pattern).flatMap(({ 0: text, groups }) => {
      const { monthName, short } = groups!;
      const number = (group: string) => Number(groups![group]);
      const month = monthName === undefined ? number('month') - 1 : monthIndex(monthName);
      const fullYear = short === undefined ? number('year') : 2000 + Number(short);
      const day = Date.UTC(fullYear, month, number('day')) / 86_400_000;
      return month < 12 && Number.isFinite(day) ? [{ notation, day, text }] : [];
    }),
  );
}

function isDayOf(dayNumber: number, build: BuildFacts): boolean {
  const [first, last] = [Math.floor(build.startedAt / day), Math.floor(build.stoppedAt / day)];
  return dayNumber >= first - 1 && dayNumber <= last + 1;
}
