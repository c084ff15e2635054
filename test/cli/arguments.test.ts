import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseArguments } from '../../ts/cli/arguments.js';
import type { Command } from '../../ts/cli/command.js';

const command: Command = {
  name: 'try',
  operands: '[PATH]...',
  operandCount: { min: 0, max: 3 },
  description: 'Tries.',
  flags: [
    { long: 'json', summary: '' },
    { long: 'keep-going', short: 'k', negatable: true, summary: '' },
    { long: 'max-jobs', short: 'j', values: ['N'], summary: '' },
    { long: 'progress', values: ['STYLE'], choices: ['plain', 'json'], summary: '' },
    { long: 'option', values: ['NAME', 'VALUE'], summary: '' },
    { long: 'help', short: 'h', summary: '' },
  ],
  run: async () => 0,
};

const parse = (...argv: string[]) => parseArguments(command, argv);

test('flags, values and operands in any order', () => {
  const args = parse('a', '--json', '-kj4', 'b', '--option', 'x', '-y', '--progress=plain', '--', '--json');
  assert.deepEqual(args.operands, ['a', 'b', '--json']);
  assert.equal(args.has('json'), true);
  assert.equal(args.has('keep-going'), true);
  assert.equal(args.value('max-jobs'), '4');
  assert.equal(args.value('progress'), 'plain');
  assert.deepEqual(args.occurrences[3], { name: 'option', on: true, values: ['x', '-y'] });
});

test('the last one counts', () => {
  assert.equal(parse('-k', '--no-keep-going').has('keep-going'), false);
  assert.equal(parse('--no-keep-going', '-k').has('keep-going'), true);
  assert.equal(parse('-j', '1', '--max-jobs=', '-j', '3').value('max-jobs'), '3');
  assert.equal(parse('--max-jobs=').value('max-jobs'), '');
  assert.equal(parse().value('max-jobs'), undefined);
});

test('a lone dash is an operand', () => assert.deepEqual(parse('-').operands, ['-']));

test('after the first operand everything passes through, if the command says so', () => {
  const args = parseArguments({ ...command, passThrough: true, operandCount: { min: 1, max: 99 } }, [
    '--json',
    'x',
    '--unknown',
    '--',
    '-h',
  ]);
  assert.deepEqual(args.operands, ['x', '--unknown', '--', '-h']);
  assert.equal(args.has('help'), false);
});

const refused: readonly [argv: string[], message: RegExp][] = [
  [['--jsno'], /unknown flag '--jsno' for 'airplant try'; did you mean '--json'\?/],
  [['--no-keep-goin'], /did you mean '--no-keep-going'/],
  [['--no-json'], /unknown flag '--no-json'/],
  [['-x'], /unknown flag '-x'/],
  [['-kx'], /unknown flag '-x'/],
  [['--json=yes'], /'--json' takes no value/],
  [['--no-keep-going=1'], /takes no value/],
  [['--option=x'], /'--option' takes 2 values/],
  [['--option', 'x'], /needs NAME and VALUE, and VALUE is missing/],
  [['-j'], /'-j' needs N/],
  [['--progress', 'fancy'], /cannot be 'fancy': it is one of plain, json/],
  [['a', 'b', 'c', 'd'], /takes at most 3, \[PATH\]\.\.\.; 4 given/],
  [['--__proto__'], /unknown flag/],
];
for (const [argv, message] of refused) {
  test(`refused: ${argv.join(' ')}`, () => {
    assert.throws(() => parse(...argv), { code: 'ERR_USAGE', exitStatus: 2, message });
  });
}

test('help can be had for a line that is not right', () => {
  assert.equal(parse('a', 'b', 'c', 'd', '--help', '--nonsense').has('help'), true);
});

test('asking for a flag nobody defined is a mistake of ours', () => {
  assert.throws(() => parse().has('jsno'), RangeError);
});

test('whatever is typed is read or refused as usage', () => {
  const word = fc.oneof(
    fc.constantFrom('--', '-', '--json', '-k', '-j', '--option', '--option=', '-h', '--no-', '--=', '-=', ''),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word), (argv) => {
      try {
        parse(...argv);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_USAGE');
      }
    }),
  );
});
