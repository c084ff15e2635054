import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { interleave } from '../../bench/harness/interleave.js';
import { packageRoot } from '../../bench/harness/package-root.js';
import { measureRows } from '../../bench/harness/report.js';
import { compare, SkippedRow } from '../../bench/harness/row.js';
import { summarise } from '../../bench/harness/summary.js';
import { countTraceLines } from '../../bench/harness/syscalls.js';
import { renderTable } from '../../bench/harness/table.js';
import { startWorker } from '../../bench/harness/worker.js';

test('a summary has the middle of odd and even series', () => {
  assert.deepEqual(summarise([3, 1, 2]), { min: 1, median: 2, max: 3, runs: 3 });
  assert.deepEqual(summarise([10, 2, 4, 1]), { min: 1, median: 3, max: 10, runs: 4 });
  assert.throws(() => summarise([]), RangeError);
});

test('contestants are sampled in turn and warm-ups are thrown away', async () => {
  const calls: string[] = [];
  const sampler = (name: string) => async () => calls.push(name);
  const duel = await interleave(sampler('a'), sampler('b'), { runs: 2, warmUps: 1, pauseMilliseconds: 0 });
  assert.deepEqual(calls, ['a', 'b', 'a', 'b', 'a', 'b']);
  assert.deepEqual(duel.ours, { min: 3, median: 4, max: 5, runs: 2 });
  assert.deepEqual(duel.yardstick, { min: 4, median: 5, max: 6, runs: 2 });
});

const duel = {
  ours: { min: 1, median: 2, max: 3, runs: 7 },
  yardstick: { min: 3, median: 4, max: 500, runs: 7 },
};

test('a ratio is held against its target in the right direction', () => {
  const about = { name: 'x', unit: 'ms', ours: 'a', yardstick: 'b' } as const;
  const met = (bound: 'at most' | 'at least', ratio: number) =>
    compare(duel, { ...about, target: { bound, ratio } }).met;
  assert.equal(met('at most', 0.5), true);
  assert.equal(met('at most', 0.49), false);
  assert.equal(met('at least', 0.5), true);
  assert.equal(met('at least', 0.51), false);
  const metByItself = (bound: 'at most' | 'at least', median: number) =>
    compare(duel, { ...about, target: { bound, median } }).met;
  assert.equal(metByItself('at most', 2), true);
  assert.equal(metByItself('at most', 1.9), false);
  assert.equal(metByItself('at least', 2.1), false);
  const metByDifference = (difference: number) =>
    compare(duel, { ...about, target: { bound: 'at most', difference } }).met;
  assert.equal(metByDifference(-2), true);
  assert.equal(metByDifference(-2.1), false);
  assert.equal('met' in compare(duel, about), false);
  assert.equal(compare(duel, about).bestRatio, 1 / 3);
  assert.equal(compare(duel, { ...about, unit: 'MB/s' }).bestRatio, 3 / 500);
});

test('a row that is skipped or breaks leaves the others alone', async () => {
  const row = (name: string, measure: () => never) => ({ name, measure: async () => measure() });
  const workspace = { path: '/', directory: (name: string) => name };
  const comparison = compare(duel, {
    name: 'whole',
    unit: 'ms',
    ours: 'a',
    yardstick: 'b',
    notes: ['one\ntwo'],
  });
  const reports = await measureRows(
    [
      row('bare', () => {
        throw new SkippedRow('nothing there');
      }),
      row('broken', () => {
        throw new Error('it broke');
      }),
      { name: 'whole', measure: async () => [comparison] },
    ],
    { workspace, runs: (usual) => usual },
    () => {},
  );
  assert.deepEqual(reports, [
    { name: 'bare', skipped: 'nothing there' },
    { name: 'broken', failed: 'it broke' },
    comparison,
  ]);
  assert.equal(
    renderTable(reports),
    `row     unit  ours (min … max)    yardstick (min … max)  runs  ratio  of best  target
bare    skipped: nothing there
broken  failed: it broke
whole   ms    2.00 (1.00 … 3.00)  4.00 (3.00 … 500) b    7     0.500  0.333

whole
  one
  two
`,
  );
});

test('system calls are counted without those of node and its threads', () => {
  const counts = countTraceLines([
    '10    execve("/usr/bin/node", ["node"], 0x7f /* 3 vars */) = 0',
    '10    clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f} <unfinished ...>',
    '11    read(3, <unfinished ...>',
    '10    <... clone3 resumed> => {parent_tid=[11]}, 88) = 11',
    '11    <... read resumed>"", 4096) = 0',
    '10    clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 12',
    '12    execve("/x/launcher", ["launcher"], 0x7f /* 0 vars */) = 0',
    '12    clone(child_stack=NULL, flags=SIGCHLD) = 13',
    '13    read(3, "", 4096) = 0',
    '13    +++ exited with 0 +++',
    '12    --- SIGCHLD {si_signo=SIGCHLD} ---',
  ]);
  assert.deepEqual(Object.fromEntries(counts), { execve: 1, clone: 1, read: 1 });
});

test('a worker answers with milliseconds, and its death with what it complained about', async () => {
  const program = `
    console.log('ready 42');
    require('readline').createInterface({ input: process.stdin }).on('line', () => console.log('2500000 0'));`;
  await using worker = await startWorker([process.execPath, '-e', program]);
  assert.equal(worker.greeting, '42');
  assert.equal(await worker.sample(), 2.5);
  assert.equal(await worker.sample(), 2.5);

  const dying =
    "console.log('ready'); process.stdin.once('data', () => { console.error('ouch'); process.exit(3) })";
  await using unlucky = await startWorker([process.execPath, '-e', dying]);
  await assert.rejects(unlucky.sample(), /status 3\nouch/);
  await assert.rejects(startWorker(['/nonexistent/program']), /ENOENT/);
});

test('the workspace is removed when the process exits, read-only directories included', (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'airplant-test-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const canary = join(parent, 'canary');
  mkdirSync(canary);
  chmodSync(canary, 0o555);
  const module = pathToFileURL(join(packageRoot, 'dist', 'bench', 'harness', 'workspace.js'));
  const program = join(parent, 'program.mjs');
  writeFileSync(
    program,
    `import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
     import { createWorkspace } from ${JSON.stringify(module.href)};
     const directory = createWorkspace(${JSON.stringify(parent)}).directory('store');
     mkdirSync(directory + '/a/b', { recursive: true });
     writeFileSync(directory + '/a/b/file', '');
     symlinkSync(${JSON.stringify(canary)}, directory + '/a/link');
     chmodSync(directory + '/a/b', 0o555);
     chmodSync(directory + '/a', 0);
     throw new Error('an accident');`,
  );
  const { stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  assert.match(stderr, /an accident/);
  assert.deepEqual(readdirSync(parent).sort(), ['canary', 'program.mjs']);
  assert.ok(existsSync(canary));
});
