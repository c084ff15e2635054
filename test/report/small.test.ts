import assert from 'node:assert/strict';
import { test } from 'node:test';
import { painter, wantsColours } from '../../ts/report/colours.js';
import { formatDuration } from '../../ts/report/duration.js';
import { failureLines, planLines, shortName } from '../../ts/report/messages.js';
import { autoStyle, createReporter } from '../../ts/report/reporter.js';

test('durations', () => {
  const shown = [0, 449, 9_999, 10_000, 59_999, 63_000, 3_599_000, 3_900_000, -5].map(formatDuration);
  assert.deepEqual(shown, ['0.0s', '0.4s', '10.0s', '10s', '59s', '1m03s', '59m59s', '1h05m', '0.0s']);
});

test('colours: FORCE_COLOR, then NO_COLOR, then the terminal', () => {
  const tty = { isTTY: true };
  assert.equal(wantsColours(tty, {}), true);
  assert.equal(wantsColours(tty, { TERM: 'dumb' }), false);
  assert.equal(wantsColours(tty, { NO_COLOR: '1' }), false);
  assert.equal(wantsColours(tty, { NO_COLOR: '' }), true);
  assert.equal(wantsColours({}, {}), false);
  assert.equal(wantsColours({}, { FORCE_COLOR: '1', NO_COLOR: '1' }), true);
  assert.equal(wantsColours(tty, { FORCE_COLOR: '0' }), false);
  assert.equal(painter(true)('red', 'x'), '\x1b[31mx\x1b[0m');
  assert.equal(painter(false)('red', 'x'), 'x');
});

test('auto is the live display only on a real terminal of a person', () => {
  assert.equal(autoStyle({ isTTY: true }, { TERM: 'xterm' }), 'tty');
  assert.equal(autoStyle({ isTTY: true }, { TERM: 'dumb' }), 'plain');
  assert.equal(autoStyle({ isTTY: true }, { CI: 'true' }), 'plain');
  assert.equal(autoStyle({}, {}), 'plain');
});

test('every style has a reporter', async () => {
  for (const style of ['auto', 'tty', 'plain', 'json', 'quiet'] as const) {
    const reporter = await createReporter(style, {
      stream: { write: () => true },
      colours: false,
      printBuildLogs: false,
      env: {},
    });
    reporter.handle({
      type: 'finished',
      built: 0,
      madeElsewhere: 0,
      substituted: 0,
      failed: 0,
      wantedFailed: [],
      milliseconds: 0,
    });
    reporter.close();
  }
});

test('a plan in the words of Nix', () => {
  assert.deepEqual(planLines({ build: ['/nix/store/a.drv'], substitute: ['/s/1', '/s/2'] }), [
    'this derivation will be built:',
    '  /nix/store/a.drv',
    'these 2 paths will be fetched:',
    '  /s/1',
    '  /s/2',
  ]);
  assert.deepEqual(planLines({ build: [], substitute: [] }), []);
});

test('a note on a failure comes after its log, or after its message', () => {
  const event = {
    type: 'build.failed',
    drvPath: '/nix/store/a.drv',
    code: 'ERR_DISK_FULL',
    message: 'it failed\nnote: why',
    hint: 'do',
    lastLines: ['l1'],
  } as const;
  const options = { paint: painter(false), colours: false };
  assert.deepEqual(failureLines(event, { ...options, showLog: true }), [
    'error: it failed;',
    '       last 1 log lines:',
    '       > l1',
    "       For full logs, run 'airplant log /nix/store/a.drv'.",
    '       note: why',
    '       hint: do',
  ]);
  const shown = failureLines(event, { ...options, showLog: false });
  assert.deepEqual(shown, ['error: it failed', '       note: why', '       hint: do']);
});

test('a hint that could only point to the log is left out below it', () => {
  const event = {
    type: 'build.failed',
    drvPath: '/nix/store/a.drv',
    code: 'ERR_BUILD_FAILED',
    message: 'it failed',
    hint: 'see the log',
    lastLines: ['l1'],
  } as const;
  const options = { paint: painter(false), colours: false };
  assert.doesNotMatch(failureLines(event, { ...options, showLog: true }).join('\n'), /hint/);
  assert.match(failureLines(event, { ...options, showLog: false }).join('\n'), /hint: see the log$/);
});

test("a time-out ends as Nix's does, which shows no log with it", () => {
  const event = {
    type: 'build.failed',
    drvPath: '/nix/store/a.drv',
    code: 'ERR_BUILD_TIMEOUT',
    message: 'it timed out after 5 seconds',
    hint: 'raise it',
    lastLines: ['l1'],
  } as const;
  const lines = failureLines(event, { paint: painter(false), colours: false, showLog: true });
  assert.deepEqual(
    [lines[0], lines[1], lines.at(-1)],
    ['error: it timed out after 5 seconds', '       last 1 log lines:', '       hint: raise it'],
  );
});

test("several things that were asked for and failed are Nix's last word, also of a quiet reporter", async () => {
  const finished = { type: 'finished', built: 0, madeElsewhere: 0, substituted: 0, failed: 2 } as const;
  const both = ['/nix/store/a.drv', '/nix/store/b\x1b[2J.drv'];
  const word = (text: string) => /^.*build of .*$/m.exec(text)?.[0];
  for (const style of ['tty', 'plain', 'quiet', 'nix-json'] as const) {
    const say = async (wantedFailed: readonly string[]) => {
      let text = '';
      const stream = {
        write: (more: string) => {
          text += more;
          return true;
        },
      };
      const reporter = await createReporter(style, {
        stream,
        colours: false,
        printBuildLogs: false,
        env: {},
      });
      reporter.handle({ ...finished, wantedFailed, milliseconds: 0 });
      reporter.close();
      return word(text);
    };
    const said = await say(both);
    assert.match(
      said ?? '',
      /error:.* build of '\/nix\/store\/a\.drv', '\/nix\/store\/b\.drv' failed/,
      style,
    );
    assert.equal(await say(both.slice(1)), undefined, style);
  }
});

test('short names', () => {
  assert.equal(shortName('/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-hello-2.12.drv'), 'hello-2.12');
  assert.equal(shortName('odd\x1b[2J'), 'odd');
});
