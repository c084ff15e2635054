import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildFacts, Compared } from '../../../ts/build/check/causes/facts.js';
import { examine } from '../../../ts/build/check/examine.js';
import type { Observation, ObservedDifference } from '../../../ts/build/check/observation.js';
import { makeDifferenceReport } from '../../../ts/build/check/report.js';

const facts: BuildFacts = {
  startedAt: 1,
  stoppedAt: 2,
  buildDirectory: '/build',
  storePaths: [],
  pids: [],
  cores: 1,
  buildCores: 1,
  uname: {},
  umask: 0o022,
  locale: {},
  randomAddresses: false,
};
const drvPath = '/nix/store/gn6s93wkms8x74svvyfw8fshh5kpwpb2-x.drv';

function difference(path: string, a: string, b: string): ObservedDifference {
  const examined = examine({ a: Buffer.from(a), b: Buffer.from(b) });
  return { output: 'out', difference: { kind: 'file', path, size: { a: a.length, b: b.length } }, examined };
}

test('no difference: reproducible, and nothing else to say', () => {
  const equal = { variation: 'none' as const, a: facts, b: facts, differences: [], more: 0 };
  assert.deepEqual(makeDifferenceReport(drvPath, [equal]), {
    version: 1,
    drvPath,
    reproducible: true,
    comparisons: [{ variation: 'none', a: facts, b: facts, differing: 0 }],
    causes: [],
    differences: [],
    moreDifferences: 0,
  });
});

/** Comparison, entry, and what its places became. */
const listed = (...observations: Observation[]) =>
  makeDifferenceReport(drvPath, observations).differences.map((one) => [
    one.comparison,
    one.difference.path,
    one.examined?.spots.map(({ b }) => b?.text).join(' '),
  ]);
const seen = (variation: Compared, ...differences: ObservedDifference[]): Observation => ({
  variation,
  a: facts,
  b: facts,
  differences,
  more: 0,
});

test('every place that differs is listed, whichever comparison saw it', () => {
  assert.deepEqual(
    listed(
      seen('umask', difference('f', '0022\n\nxterm\n\n4\n', '0077\n\nxterm\n\n4\n')),
      seen('locale', difference('f', '0022\n\nxterm\n\n4\n', '0022\n\nvt100\n\n4\n')),
      seen('cores', difference('f', '0022\n\nxterm\n\n4\n', '0022\n\nxterm\n\n1\n')),
    ),
    [
      [0, 'f', '0077'],
      [1, 'f', 'vt100'],
      [2, 'f', '1'],
    ],
  );
  const mode: ObservedDifference = {
    output: 'out',
    difference: { kind: 'file', path: 'f', size: { a: 1, b: 1 }, executable: { a: false, b: true } },
  };
  assert.deepEqual(listed(seen('cores', difference('f', 'a', 'b')), seen('umask', mode)), [
    [0, 'f', 'b'],
    [1, 'f', undefined],
  ]);
});

test('what became the same thing again is listed once, and so is what is never the same twice', () => {
  assert.deepEqual(
    listed(seen('umask', difference('f', 'a', 'b')), seen('locale', difference('f', 'a', 'b'))),
    [[0, 'f', 'b']],
  );
  assert.deepEqual(
    listed(
      seen('none', difference('f', 'x\n\ny\n', 'r1\n\ny\n')),
      seen('umask', difference('f', 'x\n\ny\n', 'r2\n\nz\n')),
      seen('locale', difference('f', 'x\n\ny\n', 'r3\n\ny\n')),
    ),
    [
      [0, 'f', 'r1'],
      [1, 'f', 'z'],
    ],
  );
});

test('what differs only with several things together is no sound build', () => {
  const together = { ...seen('together', difference('f', 'a', 'b')), varied: ['umask', 'locale'] as const };
  const report = makeDifferenceReport(drvPath, [seen('none'), seen('umask'), seen('locale'), together]);
  assert.equal(report.reproducible, false);
  assert.deepEqual(report.comparisons[3]?.varied, ['umask', 'locale']);
  assert.deepEqual(
    report.causes.map(({ cause, confidence, files }) => [cause, confidence, files]),
    [['combination', 'possible', ['out/f']]],
  );
  assert.deepEqual(
    report.differences.map(({ comparison, difference: { path } }) => [comparison, path]),
    [[3, 'f']],
  );
});

test('what one thing changes is not put down to several together', () => {
  const together = seen('together', difference('f', 'a\n\nx\n', 'c\n\ny\n'));
  const report = makeDifferenceReport(drvPath, [
    seen('none'),
    seen('umask', difference('f', 'a\n\nx\n', 'b\n\nx\n')),
    together,
  ]);
  assert.deepEqual(
    report.causes.map(({ cause }) => cause),
    ['umask', 'combination'],
  );
  assert.deepEqual(
    report.differences.map(({ comparison, examined }) => [
      comparison,
      examined?.spots.map(({ start }) => start),
    ]),
    [
      [1, [1]],
      [2, [3]],
    ],
  );
});

test('JSON loses nothing, bytes that are no text included', () => {
  const observations = [
    seen('none'),
    seen('umask', difference('m\udcff', 'a', 'b')),
    { ...seen('locale', difference('m\udcff', 'a', 'c'), difference('l', 'x', 'y')), more: 3 },
  ];
  const report = makeDifferenceReport(drvPath, observations);
  assert.equal(report.reproducible, false);
  assert.deepEqual(listed(...observations), [
    [1, 'm\udcff', 'b'],
    [2, 'm\udcff', 'c'],
    [2, 'l', 'y'],
  ]);
  assert.equal(report.comparisons[2]!.differing, 5);
  assert.equal(report.moreDifferences, 3);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
});
