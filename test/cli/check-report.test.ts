import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildFacts, Variation } from '../../ts/build/check/causes/facts.js';
import { examine } from '../../ts/build/check/examine.js';
import type { ObservedDifference } from '../../ts/build/check/observation.js';
import { makeDifferenceReport } from '../../ts/build/check/report.js';
import { renderDifferenceReport } from '../../ts/cli/check-report.js';
import { readFixture } from '../support/fixtures.js';

const drvPath = '/nix/store/gn6s93wkms8x74svvyfw8fshh5kpwpb2-x.drv';
const facts: BuildFacts = {
  startedAt: 1795275665,
  stoppedAt: 1795275667,
  buildDirectory: '/build',
  storePaths: [],
  pids: [],
  cores: 4,
  buildCores: 4,
  uname: {},
  umask: 0o022,
  locale: {},
  randomAddresses: false,
};

function compared(variation: Variation, differences: readonly ObservedDifference[], changed = {}) {
  return { variation, a: facts, b: { ...facts, ...changed }, differences, more: 0 };
}

function file(path: string, a: Buffer, b: Buffer): ObservedDifference {
  const size = { a: a.length, b: b.length };
  const contents = { first: 1, differing: 2, ranges: [], moreRanges: false };
  return { output: 'out', difference: { kind: 'file', path, size, contents }, examined: examine({ a, b }) };
}

test('a build that is the same each time takes a line', () => {
  assert.equal(
    renderDifferenceReport(makeDifferenceReport(drvPath, [compared('none', [])])),
    `${drvPath}: the same in one comparison\n`,
  );
  assert.equal(
    renderDifferenceReport(makeDifferenceReport(drvPath, [compared('none', []), compared('umask', [])])),
    `${drvPath}: the same in 2 comparisons\n`,
  );
});

test('causes with their files, then what differs where', () => {
  const archive = file('lib/x.a', readFixture('check', 'a', 'x.a'), readFixture('check', 'b', 'x.a'));
  const list = file('list', Buffer.from('a\nb\nc\n'), Buffer.from('c\na\nb\n'));
  const others: ObservedDifference[] = [
    {
      output: 'dev',
      difference: { kind: 'only-in', path: 'doc', side: 'b', type: 'directory', files: 1, size: 10 },
    },
    { output: 'dev', difference: { kind: 'target', path: 'link', a: 'x', b: 'y' } },
    { output: 'dev', difference: { kind: 'type', path: 'type', a: 'regular', b: 'symlink' } },
  ];
  const executable = { a: true, b: false };
  others.push({ output: 'dev', difference: { kind: 'file', path: 'x', size: { a: 1, b: 1 }, executable } });
  const observations = [
    compared('none', []),
    compared('later-start', [archive]),
    compared('directory-order', [list]),
    compared('umask', others, { umask: 0o002 }),
  ];
  assert.deepEqual(renderDifferenceReport(makeDifferenceReport(drvPath, observations)).split('\n'), [
    `${drvPath}: not reproducible`,
    'timestamp (certain): the time of the build',
    '  Unix seconds: 2026-11-21T15:41:06.000Z and 2026-11-21T15:41:07.000Z, when the builds ran',
    '  in out/lib/x.a',
    'directory-order (certain): the order in which a directory lists its entries',
    '  the same elements in another order',
    '  in out/list',
    'umask (likely): the umask',
    '  it differs only with the umask',
    '  in dev/link',
    '  in dev/type',
    '  in dev/x',
    '  in dev',
    'what differs:',
    '  out/lib/x.a (later-start, ar): 2 bytes differ, the first at 1',
    '    member u.o, mtime',
    '      - 1795275666',
    '      + 1795275667',
    '    member u.o, section .rodata.str1.1, line 1',
    '      - 1795275666',
    '      + 1795275667',
    '  out/list (directory-order, text): 2 bytes differ, the first at 1',
    '    another order',
    '      - a\\x0ab\\x0ac\\x0a',
    '      + c\\x0aa\\x0ab\\x0a',
    '  dev/doc (umask): only in the second build: directory, 1 file, 10 bytes',
    "  dev/link (umask): 'x' became 'y'",
    '  dev/type (umask): regular became symlink',
    '  dev/x (umask): executable became not executable',
    '',
  ]);
});

test('diffoscope has the last word, without what would drive a terminal', () => {
  const said = { output: 'out', text: '--- a\n+++ b\n│ -\x1b[2Jx\n', outcome: 'timeout' as const };
  const differs = [compared('none', [file('x', Buffer.from('1'), Buffer.from('2'))])];
  assert.deepEqual(
    renderDifferenceReport(makeDifferenceReport(drvPath, differs, [said]))
      .split('\n')
      .slice(-6),
    ['diffoscope on out:', '--- a', '+++ b', '│ -x', '(diffoscope did not end in time)', ''],
  );
});

test('what diffoscope says is cut, and nothing at all takes no line', () => {
  const differs = [compared('none', [file('x', Buffer.from('1'), Buffer.from('2'))])];
  const said = [
    { output: 'out', text: 'line\n'.repeat(250), outcome: 'differs' as const },
    { output: 'dev', text: '', outcome: 'timeout' as const },
  ];
  const text = renderDifferenceReport(makeDifferenceReport(drvPath, differs, said));
  assert.equal(text.match(/^line$/gm)?.length, 200);
  assert.ok(
    text.endsWith('and 50 more lines\ndiffoscope on dev:\n(diffoscope did not end in time)\n'),
    text.slice(-100),
  );
});

test('nothing a builder wrote drives a terminal, and long reports are cut', () => {
  const evil = '\x1b]0;owned\x07\x1b[2J\u202e';
  const many = Array.from({ length: 40 }, (_, i) => file(`${evil}${i}`, Buffer.from('a'), Buffer.from(evil)));
  const wide = file('wide', Buffer.from('x'.repeat(5000)), Buffer.from('y'.repeat(5000)));
  const text = renderDifferenceReport(
    makeDifferenceReport(`${evil}.drv`, [compared('none', [wide, ...many])]),
  );
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  assert.match(text, /and 21 more entries/);
  assert.match(text, /and 31 more files/);
  assert.ok(text.split('\n').every((line) => line.length < 400));
});
