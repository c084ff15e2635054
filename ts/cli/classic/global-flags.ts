import { plainText } from '../../report/messages.js';
import type { GlobalOptions } from './global-options.js';
import { settingForms } from './nix-settings.js';
import { usage } from './usage.js';

/** A flag that stands before everything a program makes of its words: how many values follow, and what it does. */
export interface GlobalFlag {
  readonly values: number;
  apply(options: GlobalOptions, values: readonly string[]): void;
}

/** The flags of every classic program, by all their names; those of settings included. */
export function globalFlags(): Map<string, GlobalFlag> {
  return new Map([...settingFlags(), ...ownFlags]);
}

const ownFlags: readonly (readonly [string, GlobalFlag])[] = [
  ...both(
    '--verbose',
    '-v',
    flag((options) => options.setVerbosity(options.verbosity + 1, '--verbose')),
  ),
  ['--quiet', flag((options) => options.setVerbosity(Math.max(0, options.verbosity - 1), '--quiet'))],
  ['--debug', flag((options) => options.setVerbosity(6, '--debug'))],
  ['--option', { values: 2, apply: (options, [name, value]) => options.set(name!, value!) }],
  ['--log-format', valued((options, format) => options.setLogFormat(format))],
  ...both(
    '--max-jobs',
    '-j',
    valued((options, jobs) => options.set('max-jobs', jobCount(jobs))),
  ),
  ...both(
    '--no-build-output',
    '-Q',
    flag((options) => options.setLogFormat('raw')),
  ),
  ...both(
    '--keep-failed',
    '-K',
    flag((options) => options.set('keep-failed', 'true')),
  ),
  ...both(
    '--keep-going',
    '-k',
    flag((options) => options.set('keep-going', 'true')),
  ),
  ['--fallback', flag((options) => options.set('fallback', 'true'))],
  ...['cores', 'max-silent-time', 'timeout'].map((name) => {
    return [`--${name}`, valued((options, text) => options.set(name, `${wholeNumber(text)}`))] as const;
  }),
  // Whoever only reads opens a store that way by itself.
  ['--readonly-mode', flag(() => {})],
  ['--no-gc-warning', flag((options) => (options.gcWarning = false))],
  ['--store', valued((options, store) => options.setStore(store))],
];

function* settingFlags(): Generator<readonly [string, GlobalFlag]> {
  for (const [name, form] of settingForms) {
    const setTo = (value: string) => flag((options) => options.set(name, value));
    if (form === 'boolean' || form === 'sandbox') {
      yield [`--${name}`, setTo('true')];
      yield [`--no-${name}`, setTo('false')];
      if (form === 'sandbox') yield [`--relaxed-${name}`, setTo('relaxed')];
      continue;
    }
    yield [`--${name}`, valued((options, value) => options.set(name, value))];
    if (form === 'list') {
      yield [`--extra-${name}`, valued((options, value) => options.set(`extra-${name}`, value))];
    }
  }
}

function flag(apply: (options: GlobalOptions) => void): GlobalFlag {
  return { values: 0, apply };
}

function valued(apply: (options: GlobalOptions, value: string) => void): GlobalFlag {
  return { values: 1, apply: (options, [value]) => apply(options, value!) };
}

function both(long: string, short: string, flag: GlobalFlag): readonly (readonly [string, GlobalFlag])[] {
  return [
    [long, flag],
    [short, flag],
  ];
}

function jobCount(text: string): string {
  if (/^(auto|[0-9]+)$/.test(text)) return text;
  throw usage(`configuration setting 'max-jobs' should be 'auto' or an integer`);
}

/** A number that may end in K, M, G or T, powers of 1024, in either case. Throws in Nix's words. */
export function wholeNumber(text: string): number {
  const unit = /[a-z]$/i.exec(text)?.[0].toUpperCase() ?? '';
  const power = ['', 'K', 'M', 'G', 'T'].indexOf(unit);
  if (power < 0) throw usage(`invalid unit specifier '${unit}'`);
  const digits = text.slice(0, text.length - unit.length);
  const number = Number(digits) * 1024 ** power;
  if (/^[0-9]+$/.test(digits) && Number.isSafeInteger(number)) return number;
  throw usage(`'${plainText(digits)}' is not an integer`);
}
