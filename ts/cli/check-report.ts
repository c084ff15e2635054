import { printable } from '../base/quote.js';
import { filterText } from '../base/terminal-filter.js';
import { decodeText, encodeText } from '../base/text.js';
import type { Compared } from '../build/check/causes/facts.js';
import type { Cause } from '../build/check/causes/name-causes.js';
import type { CauseName } from '../build/check/causes/rules.js';
import type { Excerpt, TreeDifference } from '../build/check/difference.js';
import type { DifferenceReport, OutputDiffoscope } from '../build/check/report.js';
import type { ReportedDifference } from '../build/check/reported-differences.js';
import type { Spot } from '../build/check/spot.js';

/** Entries that are shown with what differs in them, places in each, and files of a cause. `--json` has them all. */
const shownEntries = 20;
const shownSpots = 6;
const shownFiles = 10;
/** Of what diffoscope says of an output. */
const shownLines = 200;
/** Characters of one side of a difference. */
const shownText = 120;
/** Bytes around those that differ. */
const shownContext = 8;

/**
 * A report for people: the verdict, the causes with their files, and what differs in each entry. Lines end in newlines.
 * All that comes from builders is escaped.
 */
export function renderDifferenceReport(report: DifferenceReport): string {
  const {
    drvPath,
    reproducible,
    comparisons,
    causes,
    differences,
    moreDifferences,
    diffoscope = [],
  } = report;
  const times = comparisons.length === 1 ? 'one comparison' : `${comparisons.length} comparisons`;
  if (reproducible) return `${printable(drvPath)}: the same in ${times}\n`;
  const lines = [
    `${printable(drvPath)}: not reproducible`,
    ...causes.flatMap(causeLines),
    'what differs:',
    ...differences.slice(0, shownEntries).flatMap((one) => entryLines(one, report)),
    ...more(differences.length - shownEntries + moreDifferences, 'entry', 'entries', '  '),
    ...diffoscope.flatMap(diffoscopeLines),
  ];
  return `${lines.join('\n')}\n`;
}

const descriptions: Readonly<Record<CauseName, string>> = {
  timestamp: 'the time of the build',
  date: 'the date of the build',
  'build-path': 'where it was built',
  'directory-order': 'the order in which a directory lists its entries',
  'hash-order': 'the order of a hash table',
  'thread-race': 'threads that race',
  pid: 'a process id',
  address: 'an address in the memory of a process',
  random: 'random numbers',
  'cpu-count': 'the number of processors',
  uname: 'the name or release of the kernel',
  umask: 'the umask',
  locale: 'the locale or the terminal',
  descriptors: 'the numbers of inherited descriptors',
  combination: 'several things at once that were varied',
  unknown: 'something else',
};

function causeLines({ cause, confidence, evidence, files, moreFiles }: Cause): string[] {
  return [
    `${cause} (${confidence}): ${descriptions[cause]}`,
    ...evidence.map((text) => `  ${clipped(text, 2 * shownText)}`),
    ...files.slice(0, shownFiles).map((file) => `  in ${printable(file)}`),
    ...more(files.length - shownFiles + moreFiles, 'file', 'files', '  '),
  ];
}

const conditions: Readonly<Partial<Record<Compared, string>>> = {
  none: 'a plain repeat',
  together: 'all varied together',
};

function entryLines(
  { output, comparison, difference, examined }: ReportedDifference,
  report: DifferenceReport,
): string[] {
  const name = difference.path === '' ? output : `${output}/${difference.path}`;
  const { variation } = report.comparisons[comparison]!;
  const when = conditions[variation] ?? variation;
  const format = examined ? `, ${examined.format}` : '';
  const spots = examined?.spots ?? [];
  return [
    `  ${printable(name)} (${when}${format}): ${describe(difference)}`,
    ...spots.slice(0, shownSpots).flatMap(spotLines),
    ...more(spots.length - shownSpots, 'place', 'places', '    '),
    ...(examined?.complete === false ? ['    and what was not decoded'] : []),
  ];
}

function describe(difference: TreeDifference): string {
  switch (difference.kind) {
    case 'only-in': {
      const side = difference.side === 'a' ? 'first' : 'second';
      return `only in the ${side} build: ${difference.type}, ${count(difference.files, 'file')}, ${count(difference.size, 'byte')}`;
    }
    case 'type':
      return `${difference.a} became ${difference.b}`;
    case 'target':
      return `'${clipped(difference.a)}' became '${clipped(difference.b)}'`;
    case 'file': {
      const { size, executable, contents } = difference;
      return [
        ...(executable
          ? [
              `${executable.a ? 'executable' : 'not executable'} became ${executable.b ? 'executable' : 'not executable'}`,
            ]
          : []),
        ...(size.a === size.b ? [] : [`${count(size.a, 'byte')} became ${size.b}`]),
        ...(contents
          ? [
              `${count(contents.differing, 'byte')} ${contents.differing === 1 ? 'differs' : 'differ'}, the first at ${contents.first}`,
            ]
          : []),
      ].join('; ');
    }
  }
}

function spotLines({ kind, trail, field, start, a, b, derived }: Spot): string[] {
  const at = kind === 'line' ? [`line ${start}`] : kind === 'bytes' ? [`byte ${start}`] : [];
  const place = [...trail, ...(field === undefined ? [] : [field]), ...at]
    .map((one) => clipped(one))
    .join(', ');
  const what = kind === 'order' ? 'another order' : kind === 'only-in' ? 'not in both' : '';
  const head = [place, what, derived ? 'computed from something else' : '']
    .filter((text) => text !== '')
    .join(': ');
  const text = kind === 'bytes' ? nearBytes : ({ text }: Excerpt) => text;
  return [
    `    ${head}`,
    ...(a ? [`      - ${clipped(text(a))}`] : []),
    ...(b ? [`      + ${clipped(text(b))}`] : []),
  ];
}

/** The bytes that differ, and a few before and after. */
function nearBytes({ text, start, end }: Excerpt): string {
  return decodeText(encodeText(text).subarray(Math.max(0, start - shownContext), end + shownContext));
}

/** Its own lines, as they are but for what would drive a terminal. */
function diffoscopeLines({ output, text, outcome }: OutputDiffoscope): string[] {
  const ending = endings[outcome];
  const lines = text === '' ? [] : filterText(text.replace(/\n$/, ''), { colours: false }).split('\n');
  return [
    `diffoscope on ${printable(output)}:`,
    ...lines.slice(0, shownLines),
    ...more(lines.length - shownLines, 'line', 'lines', ''),
    ...(ending === undefined ? [] : [ending]),
  ];
}

const endings: Readonly<Partial<Record<OutputDiffoscope['outcome'], string>>> = {
  timeout: '(diffoscope did not end in time)',
  'too-long': '(diffoscope had more to say)',
  failed: '(diffoscope failed)',
};

function clipped(text: string, length = shownText): string {
  return printable(text.length <= length ? text : `${text.slice(0, length)}…`);
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

function more(number: number, one: string, many: string, indent: string): string[] {
  return number > 0 ? [`${indent}and ${number} more ${number === 1 ? one : many}`] : [];
}
