import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declaredTests } from '../support/declared-tests.js';
import { removableCalls } from '../support/lesser-kernel.js';
import { requires } from '../support/requires.js';
import { catalogue, rowIds } from './catalogue.js';
import { elsewhere } from './elsewhere.js';
import { takes } from './lesser-catalogue.js';

// That nothing is missing from the catalogue, nor from what stands for its rows.
test('every row of the catalogue is tried, once', () => {
  assert.equal(rowIds.length, 114);
  assert.deepEqual([...Object.keys(catalogue), ...Object.keys(elsewhere)].sort(), rowIds.toSorted());
});

test('every row that is tried elsewhere is', requires('linux'), async (t) => {
  const files = [...new Set(Object.values(elsewhere).flatMap(({ tests }) => tests.map(([file]) => file)))];
  const declared = declaredTests(files);
  for (const [id, { tests }] of Object.entries(elsewhere)) {
    assert.notEqual(tests.length, 0, id);
    const found = tests.map(([file, title]) => {
      const one = declared[file]!.find((candidate) => candidate.title === title);
      assert.ok(one, `${file} has no test '${title}', which is said to show ${id}`);
      return one;
    });
    // Only where this machine can make none of its tests is a row not tried, and then that is said.
    const skip = found.every((one) => one.skip !== undefined) && found[0]!.skip!;
    await t.test(`${id}: ${elsewhere[id]!.title}`, { skip }, () => {});
  }
});

test('the tables for lesser kernels name attempts that there are, and calls that can be taken away', () => {
  for (const [attempt, calls] of Object.entries(takes)) {
    const [id, ...name] = attempt.split(' ');
    assert.ok(name.join(' ') in catalogue[id!]!.attempts, attempt);
    for (const call of calls) assert.ok(removableCalls.includes(call), call);
  }
});
