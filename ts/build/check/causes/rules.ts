import { buildPath, cpuCount, locale, pid, umask, uname } from './fact-detectors.js';
import type { Compared } from './facts.js';
import { address, order, random } from './shape-detectors.js';
import type { Detector } from './sighting.js';
import { date, timestamp } from './time-detectors.js';

/** Why two builds differ. */
export type CauseName =
  | 'timestamp'
  | 'date'
  | 'build-path'
  | 'directory-order'
  | 'hash-order'
  | 'thread-race'
  | 'pid'
  | 'address'
  | 'random'
  | 'cpu-count'
  | 'uname'
  | 'umask'
  | 'locale'
  | 'descriptors'
  | 'combination'
  | 'unknown';

export type Confidence = 'certain' | 'likely' | 'possible';

export const detectors = {
  timestamp,
  date,
  buildPath,
  order,
  pid,
  address,
  random,
  cpuCount,
  uname,
  umask,
  locale,
} as const satisfies Record<string, Detector>;

export type Look = keyof typeof detectors;

/** How a place in a file fared in one kind of comparison. */
export type Outcome = 'differs' | 'same' | 'untested';

/**
 * What explains a difference. A place is explained by the first rule of which everything holds:
 *
 * - `flippedBy`: what makes it differ. `none` is a plain repeat, `together` several things where none does so alone. A place that differs in a plain repeat is explained by
 *   that alone, one that differs with the start time by that, then by the day: these differ in every comparison, and
 *   what else was varied says nothing then.
 * - `look`: what both sides look like; with `proof`, and are known to be.
 * - the outcome of plain repeats on one CPU, of plain repeats at fixed addresses, and of builds begun later.
 */
export interface Rule {
  readonly cause: CauseName;
  readonly confidence: Confidence;
  readonly flippedBy?: readonly Compared[];
  readonly look?: Look;
  readonly proof?: true;
  readonly oneCpu?: Outcome;
  readonly fixedAddresses?: Outcome;
  readonly laterStart?: Outcome;
  /** Said where no look says more. */
  readonly because?: string;
}

export const rules: readonly Rule[] = [
  { cause: 'build-path', look: 'buildPath', confidence: 'certain' },
  { cause: 'date', look: 'date', flippedBy: ['later-day'], laterStart: 'same', confidence: 'certain' },
  {
    cause: 'timestamp',
    look: 'timestamp',
    flippedBy: ['none', 'later-start', 'later-day'],
    confidence: 'certain',
  },
  { cause: 'date', look: 'date', flippedBy: ['none', 'later-start', 'later-day'], confidence: 'likely' },
  {
    cause: 'timestamp',
    flippedBy: ['later-start'],
    confidence: 'likely',
    because: 'it differs only when the build starts later',
  },
  {
    cause: 'date',
    flippedBy: ['later-day'],
    confidence: 'likely',
    because: 'it differs only on another day',
  },

  { cause: 'pid', look: 'pid', flippedBy: ['first-pid'], confidence: 'certain' },
  {
    cause: 'pid',
    flippedBy: ['first-pid'],
    confidence: 'likely',
    because: 'it differs only with the process ids',
  },
  {
    cause: 'hash-order',
    look: 'order',
    flippedBy: ['addresses'],
    confidence: 'likely',
    because: 'the order differs only with the addresses of the process',
  },
  { cause: 'address', look: 'address', flippedBy: ['addresses'], confidence: 'certain' },
  {
    cause: 'address',
    flippedBy: ['addresses'],
    confidence: 'likely',
    because: 'it differs only with the addresses of the process',
  },
  { cause: 'directory-order', look: 'order', flippedBy: ['directory-order'], confidence: 'certain' },
  {
    cause: 'directory-order',
    flippedBy: ['directory-order'],
    confidence: 'likely',
    because: 'it differs only with the order of directories',
  },
  { cause: 'cpu-count', look: 'cpuCount', flippedBy: ['cores'], confidence: 'certain' },
  {
    cause: 'cpu-count',
    flippedBy: ['cores'],
    confidence: 'likely',
    because: 'it differs only with the number of processors',
  },
  { cause: 'uname', look: 'uname', flippedBy: ['kernel-name'], confidence: 'certain' },
  {
    cause: 'uname',
    flippedBy: ['kernel-name'],
    confidence: 'likely',
    because: 'it differs only with the name of the kernel',
  },
  { cause: 'umask', look: 'umask', flippedBy: ['umask'], confidence: 'certain' },
  { cause: 'umask', flippedBy: ['umask'], confidence: 'likely', because: 'it differs only with the umask' },
  { cause: 'locale', look: 'locale', flippedBy: ['locale'], confidence: 'certain' },
  {
    cause: 'locale',
    flippedBy: ['locale'],
    confidence: 'likely',
    because: 'it differs only with the locale or terminal',
  },
  {
    cause: 'descriptors',
    flippedBy: ['descriptors'],
    confidence: 'likely',
    because: 'it differs only with the numbers of inherited descriptors',
  },
  {
    cause: 'combination',
    flippedBy: ['together'],
    confidence: 'possible',
    because: 'it differed only when all was varied together, and with none of it alone',
  },

  // From here on: it differs in a plain repeat.
  { cause: 'pid', look: 'pid', proof: true, confidence: 'certain' },
  {
    cause: 'hash-order',
    look: 'order',
    fixedAddresses: 'same',
    confidence: 'certain',
    because: 'at fixed addresses the order is the same each time',
  },
  { cause: 'address', look: 'address', fixedAddresses: 'same', confidence: 'certain' },
  {
    cause: 'address',
    fixedAddresses: 'same',
    confidence: 'likely',
    because: 'at fixed addresses it is the same each time',
  },
  {
    cause: 'thread-race',
    look: 'order',
    oneCpu: 'same',
    confidence: 'certain',
    because: 'on one CPU the order is the same each time',
  },
  {
    cause: 'thread-race',
    oneCpu: 'same',
    confidence: 'likely',
    because: 'on one CPU it is the same each time',
  },
  {
    cause: 'hash-order',
    look: 'order',
    oneCpu: 'differs',
    confidence: 'certain',
    because: 'the order differs each time, on one CPU as well',
  },
  {
    cause: 'hash-order',
    look: 'order',
    confidence: 'possible',
    because: 'the order differs each time; it was not tried on one CPU',
  },
  { cause: 'random', look: 'random', proof: true, confidence: 'certain' },
  { cause: 'address', look: 'address', fixedAddresses: 'untested', confidence: 'likely' },
  { cause: 'random', look: 'random', confidence: 'likely' },
  { cause: 'pid', look: 'pid', confidence: 'possible' },
  { cause: 'unknown', confidence: 'possible', because: 'nothing known looks like that' },
];
