import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import { JsonReporter } from '../../ts/report/json.js';
import { PlainReporter } from '../../ts/report/plain.js';
import { QuietReporter } from '../../ts/report/quiet.js';
import type { Reporter, ReporterOptions } from '../../ts/report/reporter.js';

const a = '/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-a.drv';
const b = '/nix/store/x5lwfmcgs4i54v4dj4x421bms9bgyxn3-b.drv';
const c = '/nix/store/0c0r0k3ddz1xwl5fnjq4v3ymkzx4c3lp-c.drv';

const story: readonly BuildEvent[] = [
  { type: 'plan', build: [a, b, c], substitute: [], valid: 3 },
  { type: 'warning', message: 'the \x1b[2Jmoon is full' },
  { type: 'build.started', drvPath: a, name: 'a', outputs: ['out'] },
  { type: 'build.waiting', drvPath: b, reason: 'slot', paths: [] },
  { type: 'build.log', drvPath: a, chunk: Buffer.from('hel') },
  { type: 'build.log', drvPath: a, chunk: Buffer.from('lo\n\x1b]0;owned\x07wor') },
  { type: 'build.log', drvPath: a, chunk: Buffer.from('ld') },
  { type: 'build.settling', drvPath: a },
  { type: 'build.succeeded', drvPath: a, outputs: { out: '/nix/store/x-a' }, milliseconds: 3210 },
  { type: 'build.waiting', drvPath: b, reason: 'lock', paths: ['/nix/store/x-b'] },
  { type: 'build.started', drvPath: b, name: 'b', outputs: ['out'] },
  { type: 'build.waiting', drvPath: c, reason: 'lock', paths: ['/nix/store/x-c'] },
  { type: 'build.made-elsewhere', drvPath: c, outputs: { out: '/nix/store/x-c' } },
  {
    type: 'build.failed',
    drvPath: b,
    code: 'ERR_BUILD_FAILED',
    message: `builder for '${b}' failed with exit code 3`,
    hint: 'see the log',
    lastLines: ['l1', 'l\x1b[5A2'],
  },
  {
    type: 'finished',
    built: 1,
    madeElsewhere: 1,
    substituted: 0,
    failed: 1,
    wantedFailed: [],
    milliseconds: 65_000,
  },
];

const checks: readonly BuildEvent[] = [
  { type: 'build.started', drvPath: a, name: 'a', outputs: ['out'], check: true },
  { type: 'check.same', drvPath: a, milliseconds: 1200 },
  { type: 'build.started', drvPath: b, name: 'b', outputs: ['out'], check: true },
  { type: 'check.diff', drvPath: b, path: '/nix/store/x-b', text: '- \x1b]0;owned\x07one\n+ two' },
  { type: 'check.finished', same: 1, differing: 1, failed: 0, wantedFailed: [], milliseconds: 2000 },
];

test('plain: a check, and what the diff hook said of it', () => {
  assert.equal(
    written((options) => new PlainReporter(options), checks),
    `checking outputs of '${a}'...
checked '${a}' in 1.2s: the same
checking outputs of '${b}'...
- one
+ two
1 the same, 1 not deterministic in 2.0s
`,
  );
});

test('plain: a line for every change of state', () => {
  assert.equal(
    written((options) => new PlainReporter(options)),
    `these 3 derivations will be built:
  ${a}
  ${b}
  ${c}
warning: the moon is full
building '${a}'...
built '${a}' in 3.2s
waiting for lock on '/nix/store/x-b'
building '${b}'...
waiting for lock on '/nix/store/x-c'
another process made the outputs of '${c}' meanwhile
error: builder for '${b}' failed with exit code 3;
       last 2 log lines:
       > l1
       > l2
       For full logs, run 'airplant log ${b}'.
1 built, 1 made by another process, 1 failed in 1m05s
`,
  );
});

test('plain with logs: whole lines behind the name; no tail on failure', () => {
  const text = written((options) => new PlainReporter({ ...options, printBuildLogs: true }));
  assert.match(text, /^building .*a\.drv'\.\.\.\na> hello\na> world\nbuilt /m);
  assert.doesNotMatch(text, /last 2 log lines/);
  assert.match(text, /failed with exit code 3\n {7}hint: see the log\n/);
});

test('plain: a heartbeat when nothing has been said for a minute', () => {
  mock.timers.enable({ apis: ['setInterval', 'Date'], now: 0 });
  try {
    const lines: string[] = [];
    const stream = { write: (text: string) => lines.push(text) };
    const reporter = new PlainReporter({ stream, colours: false, printBuildLogs: false });
    const pass = (seconds: number) => {
      for (let i = 0; i < seconds; i++) mock.timers.tick(1000);
    };
    pass(600);
    assert.deepEqual(lines, [], 'nothing runs, nothing to say');
    reporter.handle(story[2]!);
    pass(59);
    assert.equal(lines.length, 1);
    pass(70);
    assert.deepEqual(lines.slice(1), ['still building a (1m00s)\n', 'still building a (2m00s)\n']);
    reporter.close();
    pass(600);
    assert.equal(lines.length, 3);
  } finally {
    mock.timers.reset();
  }
});

test('quiet: failures only', () => {
  const text = written((options) => new QuietReporter(options));
  assert.match(text, /^error: builder for .*\n {7}last 2 log lines:\n/);
  assert.doesNotMatch(text, /warning|building '|built/);
});

test('json: one object a line, versioned, log bytes exact', () => {
  const text = written((options) => new JsonReporter(options));
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(events.length, story.length);
  for (const [i, event] of events.entries()) {
    assert.deepEqual([event['v'], event['t'], event['type']], [1, 1000, story[i]!.type]);
  }
  const log = events.filter((event) => event['type'] === 'build.log').map((event) => event['text']);
  assert.equal(log.join(''), 'hello\n\x1b]0;owned\x07world');
  assert.deepEqual(events.at(-1), {
    v: 1,
    t: 1000,
    type: 'finished',
    built: 1,
    madeElsewhere: 1,
    substituted: 0,
    failed: 1,
    wantedFailed: [],
    milliseconds: 65_000,
  });
});

test('json: chunks that are not UTF-8, and characters a terminal would obey', () => {
  const lines: string[] = [];
  const reporter = new JsonReporter({ stream: { write: (text) => lines.push(text) }, now: () => 5 });
  reporter.handle({ type: 'build.log', drvPath: a, chunk: Uint8Array.of(0xe2, 0x82) });
  reporter.handle({ type: 'warning', message: '\x9b2J\x7f\u2028\x1b \udc80' });
  assert.deepEqual(JSON.parse(lines[0]!), { v: 1, t: 5, type: 'build.log', drvPath: a, base64: '4oI=' });
  assert.match(lines[1]!, /^[ -~]+\n$/);
  assert.equal((JSON.parse(lines[1]!) as { message: string }).message, '\x9b2J\x7f\u2028\x1b \udc80');
});

function written(make: (options: ReporterOptions) => Reporter, events = story): string {
  let text = '';
  const stream = {
    write: (more: string) => {
      text += more;
    },
  };
  const reporter = make({ stream, colours: false, printBuildLogs: false, now: () => 1000 });
  for (const event of events) reporter.handle(event);
  reporter.close();
  return text;
}
