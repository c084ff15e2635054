import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import { LiveWindow } from '../../ts/report/live-window.js';
import { TtyReporter } from '../../ts/report/tty.js';
import { FakeTerminal } from './fake-terminal.js';

beforeEach(() => mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'], now: 0 }));
afterEach(() => mock.timers.reset());

const drv = (name: string) => `/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-${name}.drv`;
const started = (name: string): BuildEvent => ({
  type: 'build.started',
  drvPath: drv(name),
  name,
  outputs: ['out'],
});
const log = (name: string, text: string): BuildEvent => ({
  type: 'build.log',
  drvPath: drv(name),
  chunk: Buffer.from(text),
});

function start(options: { printBuildLogs?: boolean; terminal?: FakeTerminal } = {}) {
  const terminal = options.terminal ?? new FakeTerminal();
  const { printBuildLogs = false } = options;
  const reporter = new TtyReporter({ stream: terminal, colours: true, printBuildLogs });
  return { terminal, reporter };
}

test('running builds with clocks, phases and last lines; sums below', () => {
  const { terminal, reporter } = start();
  reporter.handle({ type: 'plan', build: ['a', 'b', 'c'].map(drv), substitute: [], valid: 0 });
  reporter.handle(started('a'));
  reporter.handle(started('longer'));
  reporter.handle(log('a', '@nix {"action":"setPhase","phase":"buildPhase"}\ncc hello.c\n\n'));
  mock.timers.tick(12_000);
  assert.equal(
    terminal.text,
    [
      '  a          12s  buildPhase  cc hello.c',
      '  longer     12s',
      '∑ 0 built, 2 running, 1 waiting, 12s',
    ].join('\n'),
  );
  reporter.handle({ type: 'build.settling', drvPath: drv('a') });
  mock.timers.tick(100);
  assert.match(terminal.text, /registering outputs/);
  reporter.handle({ type: 'build.succeeded', drvPath: drv('a'), outputs: {}, milliseconds: 12_000 });
  mock.timers.tick(100);
  assert.doesNotMatch(terminal.text, /cc hello/);
  assert.match(terminal.text, /∑ 1 built, 1 running, 1 waiting, 12s/);
});

test('a wait for another process is shown, and what came of it is not counted as built', () => {
  const { terminal, reporter } = start();
  reporter.handle({ type: 'plan', build: [drv('a'), drv('b')], substitute: [], valid: 0 });
  const paths = ['/nix/store/a', '/nix/store/b'];
  for (const [i, name] of ['a', 'b'].entries()) {
    reporter.handle({ type: 'build.waiting', drvPath: drv(name), reason: 'lock', paths: [paths[i]!] });
  }
  mock.timers.tick(100);
  assert.match(terminal.text, /waiting for lock on '\/nix\/store\/a'\n∑ 0 built, 0 running, 2 waiting/);
  reporter.handle({ type: 'build.made-elsewhere', drvPath: drv('a'), outputs: {} });
  mock.timers.tick(100);
  assert.match(
    terminal.text,
    /lock on '\/nix\/store\/b'\n∑ 0 built, 1 made by another process, 0 running, 1/,
  );
  reporter.handle({ type: 'build.waiting', drvPath: drv('b'), reason: 'slot', paths: [] });
  mock.timers.tick(100);
  assert.doesNotMatch(terminal.text, /lock on/);
  reporter.close();
});

test('failures and warnings stay; the window goes away', () => {
  const { terminal, reporter } = start({ terminal: new FakeTerminal(120) });
  reporter.handle({ type: 'plan', build: [drv('a')], substitute: [], valid: 0 });
  reporter.handle(started('a'));
  mock.timers.tick(500);
  reporter.handle({ type: 'warning', message: 'careful\nnow' });
  reporter.handle({
    type: 'build.failed',
    drvPath: drv('a'),
    code: 'ERR_BUILD_FAILED',
    message: 'it failed',
    hint: '',
    lastLines: ['tail \x1b[2J\x1b[31mred'],
  });
  reporter.handle({
    type: 'finished',
    built: 0,
    madeElsewhere: 0,
    substituted: 0,
    failed: 1,
    wantedFailed: [],
    milliseconds: 500,
  });
  reporter.close();
  assert.equal(
    terminal.text,
    `warning: careful
now
error: it failed;
       last 1 log lines:
       > tail red
       For full logs, run 'airplant log ${drv('a')}'.
1 failed in 0.5s`,
  );
});

test('logs scroll above the window with -L, and hostile text cannot move the cursor', () => {
  const { terminal, reporter } = start({ printBuildLogs: true });
  reporter.handle({ type: 'plan', build: [drv('a')], substitute: [], valid: 0 });
  reporter.handle(started('a'));
  for (let i = 0; i < 50; i++) {
    reporter.handle(log('a', `line ${i}\x1b[9A\x1b[2J\x1b]0;x\x07\n`));
    mock.timers.tick(30);
  }
  reporter.close();
  assert.equal(terminal.text, Array.from({ length: 50 }, (_, i) => `a> line ${i}`).join('\n'));
});

test('a flood of events costs at most ten writes a second', () => {
  const { terminal, reporter } = start();
  reporter.handle({ type: 'plan', build: [drv('a')], substitute: [], valid: 0 });
  reporter.handle(started('a'));
  for (let i = 0; i < 1000; i++) {
    reporter.handle(log('a', `line ${i}\n`));
    mock.timers.tick(1);
  }
  assert.ok(terminal.writes <= 11, `${terminal.writes} writes`);
});

test('more builds than room', () => {
  const terminal = new FakeTerminal(40);
  terminal.rows = 8;
  const { reporter } = start({ terminal });
  reporter.handle({
    type: 'plan',
    build: Array.from({ length: 30 }, (_, i) => drv(`p${i}`)),
    substitute: [],
    valid: 0,
  });
  for (let i = 0; i < 30; i++) {
    reporter.handle(started(`p${i}`));
    reporter.handle(log(`p${i}`, `${'漢字 very long text '.repeat(10)}\n`));
  }
  mock.timers.tick(1000);
  const lines = terminal.text.split('\n');
  assert.ok(lines.length <= 7);
  assert.ok(lines.every((line) => line.length <= 39));
  assert.match(terminal.text, /… and 26 more/);
  reporter.close();
  assert.equal(terminal.text, '');
});

test('nothing to do shows nothing at all', () => {
  const { terminal, reporter } = start();
  reporter.handle({ type: 'plan', build: [], substitute: [], valid: 1 });
  mock.timers.tick(5000);
  reporter.handle({
    type: 'finished',
    built: 0,
    madeElsewhere: 0,
    substituted: 0,
    failed: 0,
    wantedFailed: [],
    milliseconds: 5000,
  });
  reporter.close();
  assert.equal(terminal.writes, 0);
});

test('the window survives a terminal that becomes narrower', () => {
  const terminal = new FakeTerminal(60);
  const window = new LiveWindow(terminal, () => ['x'.repeat(50)]);
  window.update();
  mock.timers.tick(100);
  const narrow = new FakeTerminal(30);
  // A terminal reflows what it shows: 50 columns become two rows of 30.
  narrow.write(`${'x'.repeat(50)}\n`);
  terminal.columns = 30;
  const write = mock.method(terminal, 'write', (text: string) => narrow.write(text));
  window.close();
  assert.equal(write.mock.callCount(), 1);
  assert.equal(narrow.text, '');
});
