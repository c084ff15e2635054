import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../../ts/base/errors.js';
import { globalFlags, wholeNumber } from '../../../ts/cli/classic/global-flags.js';
import { readWords } from '../../../ts/cli/classic/read-words.js';

/** What is left for a program that takes every word, and what the settings come to. */
function read(...argv: string[]) {
  const words: string[] = [];
  const options = readWords(argv, (word) => words.push(word) > 0);
  const settings = options.occurrences.filter(({ name }) => name === 'option').map(({ values }) => values);
  return { words, options, settings: Object.fromEntries(settings) as Record<string, string> };
}

test('letters are taken apart, values are not', () => {
  assert.deepEqual(read('-qR', 'x').words, ['-q', '-R', 'x']);
  assert.deepEqual(read('-qj3', '-rj', '4').settings, { 'max-jobs': '4' });
  assert.deepEqual(read('-qj3').words, ['-q']);
  assert.deepEqual(read('-q3x').words, ['-q', '3x']);
  assert.deepEqual(read('-', '-1x', '--a=b', '').words, ['-', '-1x', '--a=b', '']);
  assert.deepEqual(read('--option', '-qR', '--init').settings, {});
});

test('after two dashes nothing is a global flag', () => {
  const { words, settings } = read('-k', '--', '-K', '--cores', '-qR', '--');
  assert.deepEqual([words, settings], [['-K', '--cores', '-qR', '--'], { 'keep-going': 'true' }]);
});

test('settings in every form', () => {
  const { settings, options } = read(
    ...[
      '--no-substitute',
      '--keep-derivations',
      '--relaxed-sandbox',
      '--cores',
      '2k',
      '-K',
      '--timeout',
      '7',
    ],
    ...['--extra-sandbox-paths', '/a', '--option', 'build-cores', '3', '--option', 'allow-dirty', 'true'],
  );
  assert.deepEqual(
    { ...settings, 'keep-derivations': undefined },
    {
      substitute: 'false',
      'keep-derivations': undefined,
      sandbox: 'relaxed',
      cores: '2048',
      'keep-failed': 'true',
      timeout: '7',
      'extra-sandbox-paths': '/a',
      'build-cores': '3',
    },
  );
  assert.deepEqual(options.warnings, []);
});

test('what evaluation is told: every setting that Nix knows, and no other', () => {
  const { options } = read(
    '-k',
    '--option',
    'build-cores',
    '3',
    '--option',
    'start-id',
    '1',
    '--option',
    'x',
    'y',
  );
  assert.deepEqual(options.forEvaluation, [
    ...['--option', 'keep-going', 'true'],
    ...['--option', 'build-cores', '3'],
  ]);
  assert.deepEqual(options.warnings, ["unknown setting 'x'"]);
});

test('how much evaluation says, and in which form', () => {
  const { options } = read('-vv', '--log-format', 'internal-json', '--quiet', '--debug');
  assert.deepEqual(options.forEvaluation, [
    ...['--verbose', '--verbose'],
    ...['--log-format', 'internal-json'],
    ...['--quiet', '--debug'],
  ]);
});

test('a setting nobody knows is a warning without control characters', () => {
  assert.deepEqual(read('--option', 'a\u001b[31mb', 'x').options.warnings, ["unknown setting 'ab'"]);
});

test('numbers with units', () => {
  assert.deepEqual(['0', '12', '1k', '2M', '1G', '3t'].map(wholeNumber), [
    0,
    12,
    1024,
    2 * 1024 ** 2,
    1024 ** 3,
    3 * 1024 ** 4,
  ]);
  for (const text of ['', 'k', '-1', '1.5', '1x', '1kk', '9999999999999999T', '0x1', ' 1']) {
    assert.throws(() => wholeNumber(text), { code: 'ERR_USAGE' }, text);
  }
});

test('any line is read, or wrong usage', () => {
  const flags = [...globalFlags().keys()];
  const word = fc.oneof(
    fc.constantFrom(...flags),
    fc.string(),
    fc.string().map((text) => `-${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        read(...argv);
      } catch (error) {
        assert.ok(
          isAirplantError(error, 'ERR_USAGE') || isAirplantError(error, 'ERR_SETTING'),
          String(error),
        );
      }
    }),
  );
});
