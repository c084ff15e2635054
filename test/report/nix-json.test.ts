import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../../ts/base/events.js';
import { NixJsonReporter } from '../../ts/report/nix-json.js';
import { type NixLine, parseNixLines, recorded } from '../support/nix-lines.js';

// What builds really done make of it is in test/host/nix-json.test.ts.
const drvPath = '/nix/store/9sd9qpl47gvr21g7n6kxlx4dch82y0qd-a.drv';

function told(events: Iterable<BuildEvent>, pid = 1): NixLine[] {
  let text = '';
  const stream = { write: (more: string) => (text += more) };
  const reporter = new NixJsonReporter({ stream, pid });
  for (const event of events) reporter.handle(event);
  reporter.close();
  return parseNixLines(text);
}

const begin: readonly BuildEvent[] = [
  { type: 'plan', build: [drvPath], substitute: [], valid: 0, wanted: [drvPath] },
  { type: 'build.started', drvPath, name: 'a', outputs: [] },
];
const log = (text: string): BuildEvent => ({ type: 'build.log', drvPath, chunk: Buffer.from(text) });
const nixMessage = (message: object) => log(`@nix ${JSON.stringify(message)}\n`);

test('a wait for another process, and what it made', () => {
  const slow = '/nix/store/mcp1dwns6i12li9azzpa6xakayl3gyv4-slow.drv';
  const output = '/nix/store/vvvvba0ywzvlrk0q5w5xsyczyq6f8022-slow';
  const lines = told([
    { type: 'plan', build: [slow], substitute: [], valid: 0, wanted: [slow] },
    { type: 'build.waiting', drvPath: slow, reason: 'lock', paths: [`/store${output}`] },
    { type: 'build.made-elsewhere', drvPath: slow, outputs: { out: output } },
  ]);
  assert.deepEqual(lines, recorded('lock'));
});

test('ids are those of this process, none twice, and everything that starts stops', () => {
  const lines = told(
    [...begin, nixMessage({ action: 'start', id: 0, level: 3, type: 101, text: 'x' })],
    4_194_303,
  );
  let text = '';
  const reporter = new NixJsonReporter({
    stream: { write: (more: string) => (text += more) },
    pid: 4_194_303,
  });
  reporter.handle(begin[0]!);
  reporter.close();
  // 2^22 - 1 times 2^32: more than JavaScript's numbers hold exactly.
  assert.match(text, /"id":18014394214514688,/);
  assert.match(text, /"id":18014394214514689,/);
  const ids = lines.filter(({ action }) => action === 'start').map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const stopped = lines.filter(({ action }) => action === 'stop').map(({ id }) => id);
  assert.deepEqual(stopped.toSorted(), ids.toSorted());
});

test('a check that builds several times counts each', () => {
  const started = { type: 'build.started', drvPath, name: 'a', outputs: [], check: true } as const;
  const lines = told([started, started, started, { type: 'check.same', drvPath, milliseconds: 1 }]);
  const builds = lines.find(({ type }) => type === 104)!;
  const sums = lines
    .filter(({ action, id }) => action === 'result' && id === builds.id)
    .map(({ fields }) => fields);
  assert.deepEqual(sums.at(-1), [3, 3, 0, 0]);
  for (const [, , running] of sums as number[][]) assert.ok(running! <= 1);
});

test("a builder's downloads are its own, whatever ids it gives them", () => {
  const other = '/nix/store/x5lwfmcgs4i54v4dj4x421bms9bgyxn3-b.drv';
  const start = { action: 'start', id: 0, level: 3, type: 101, text: 'x', fields: ['http://x'] };
  const lines = told([
    ...begin,
    { type: 'build.started', drvPath: other, name: 'b', outputs: [] },
    nixMessage(start),
    nixMessage({ ...start, id: 4 }),
    // Of another builder: not its business.
    { ...nixMessage({ action: 'stop', id: 0 }), drvPath: other } as BuildEvent,
    {
      ...nixMessage({ action: 'result', id: 4, type: 105, fields: [1, 2, 3, 4] }),
      drvPath: other,
    } as BuildEvent,
    // The build itself has this number, for us.
    nixMessage({ action: 'stop', id: 5 }),
    nixMessage({ action: 'result', id: 4, type: 105, fields: [1, 2] }),
  ]);
  const downloads = lines.filter(({ type, action }) => action === 'start' && type === 101);
  assert.equal(downloads.length, 2);
  const builds = lines.filter(({ type, action }) => action === 'start' && type === 105);
  for (const { parent } of downloads) assert.equal(parent, builds[0]!.id);
  const results = lines.filter(({ id, action }) => action === 'result' && id === downloads[1]!.id);
  assert.deepEqual(
    results.map(({ fields }) => fields),
    [[1, 2, 0, 0]],
  );
  const order = lines.filter(({ action }) => action === 'stop').map(({ id }) => id);
  assert.ok(order.indexOf(downloads[0]!.id) < order.indexOf(builds[0]!.id), 'children stop first');
});

test('a million downloads that never end cost nothing', () => {
  let starts = 0;
  let most = 0;
  const stream = {
    write(text: string) {
      if (text.includes('"type":101}')) starts++;
      most = Math.max(most, text.length);
    },
  };
  const reporter = new NixJsonReporter({ stream });
  for (const event of begin) reporter.handle(event);
  for (let i = 0; i < 1_000_000; i += 1000) {
    let text = '';
    for (let k = i; k < i + 1000; k++) {
      text += `@nix {"action":"start","id":${k},"level":3,"type":101,"text":"x","fields":[]}\n`;
    }
    reporter.handle(log(text));
  }
  assert.equal(starts, 256);
  reporter.close();
});

test('hostile text stays inside its string', () => {
  const hostile = '\x1b]0;owned\x07 \u009b2J \u2028 \ud800 "}\\';
  const stream: string[] = [];
  const reporter = new NixJsonReporter({ stream: { write: (text) => stream.push(text) } });
  for (const event of begin) reporter.handle(event);
  reporter.handle(log(`${hostile}\n`));
  reporter.handle(nixMessage({ action: 'msg', level: 3, msg: `${hostile}\n@nix {"action":"stop","id":1}` }));
  reporter.handle({ type: 'warning', message: hostile });
  reporter.close();
  for (const line of stream) {
    assert.match(line, /^@nix [\x20-\x7e\ufffd]+\n$/u);
    assert.doesNotThrow(() => JSON.parse(line.slice('@nix '.length)));
  }
});
