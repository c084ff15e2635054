import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { longestPiece } from '../../ts/base/line-cutter.js';
import { filterLine } from '../../ts/base/terminal-filter.js';
import { type LogItem, LogLines } from '../../ts/report/log-lines.js';

const texts = (items: readonly LogItem[]) =>
  items.flatMap((item) => (item.kind === 'line' ? [item.text] : []));

test('any cutting into chunks gives the same lines', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ''));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat({ max: 50 })), (lines, cuts) => {
      const wanted = lines.filter((text) => !text.startsWith('@nix '));
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const log = new LogLines();
      const got: LogItem[] = [];
      let at = 0;
      for (const cut of cuts) {
        got.push(...log.push(bytes.subarray(at, at + cut)));
        at = Math.min(bytes.length, at + cut);
      }
      got.push(...log.push(bytes.subarray(at)), ...log.end());
      assert.deepEqual(texts(got), wanted);
    }),
  );
});

test('a last line without a newline comes at the end; CR LF is a newline', () => {
  const log = new LogLines();
  assert.deepEqual(texts(log.push(Buffer.from('a\r\nb'))), ['a']);
  assert.deepEqual(texts(log.end()), ['b']);
  assert.deepEqual(log.end(), []);
});

test('bytes that are not UTF-8 become replacement characters', () => {
  assert.deepEqual(texts(new LogLines().push(Buffer.from([0x61, 0xff, 0x62, 0x0a]))), ['a\ufffdb']);
});

test('a megabyte without a newline is handed out in pieces', () => {
  const log = new LogLines();
  let length = 0;
  for (let i = 0; i < 1024; i++) {
    for (const text of texts(log.push(Buffer.alloc(1024, 'x')))) {
      assert.ok(text.length <= 16 * 1024);
      length += text.length;
    }
  }
  assert.ok(length >= 1024 * 1024 - 32 * 1024);
});

test('messages for programs are not text; what is none of them is', () => {
  const lines = [
    '@nix {"action":"setPhase","phase":"buildPhase"}',
    '@nix {"action":"msg","level":1,"msg":"told"}',
    '@nix {"action":"start","id":7,"level":3,"type":101,"text":"downloading","fields":["http://x"]}',
    '@nix {"action":"result","id":7,"type":105,"fields":[1,2,0,0]}',
    '@nix {"action":"stop","id":7}',
    '@nix not json',
    '@nix null',
    '@nix []',
    '@nixos',
    'over\r@nix {"action":"setPhase","phase":"b"}',
  ];
  const items = new LogLines().push(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  assert.deepEqual(
    items.map((item) => (item.kind === 'line' ? item.text : item.message)),
    [
      { action: 'phase', name: 'buildPhase' },
      { action: 'message', level: 1, text: 'told' },
      { action: 'start', id: 7, level: 3, text: 'downloading', fields: ['http://x'] },
      { action: 'progress', id: 7, done: 1, expected: 2, running: 0, failed: 0 },
      { action: 'stop', id: 7 },
      '@nix not json',
      '@nix null',
      '@nix []',
      '@nixos',
      { action: 'phase', name: 'b' },
    ],
  );
});

test('a message that lacks something, or claims what a builder cannot know, means nothing', () => {
  for (const message of [
    {},
    { action: 'bogus' },
    { action: 'setPhase' },
    { action: 'setPhase', phase: 3 },
    { action: 'msg', level: 99, msg: 'x' },
    { action: 'msg', level: 1, msg: ['x'] },
    { action: 'start', id: 1, level: 3, type: 105, text: 'building', fields: ['/nix/store/x.drv', '', 1, 1] },
    { action: 'start', id: -1, level: 3, type: 101, text: 'x', fields: [] },
    { action: 'start', id: 1, level: 3, type: 101, text: 'x', fields: [{}] },
    { action: 'result', id: 1, type: 101, fields: ['a line of the log'] },
    { action: 'result', id: 1, type: 106, fields: [104, 1000000] },
    { action: 'result', id: 1, type: 105, fields: ['x'] },
    { action: 'stop', id: 'x' },
  ]) {
    const line = `@nix ${JSON.stringify(message)}`;
    const items = new LogLines().push(Buffer.from(`${line}\n`));
    assert.deepEqual(items, [{ kind: 'message', message: { action: 'none' } }], line);
  }
});

test('a piece of a line that is too long is no message', () => {
  const message = '@nix {"action":"setPhase","phase":"x"}';
  const items = new LogLines().push(Buffer.from(`${'x'.repeat(longestPiece)}${message}\n`));
  assert.deepEqual(texts(items), ['x'.repeat(longestPiece), message]);
});

test('no piece ends inside a character', () => {
  const line = `${'x'.repeat(longestPiece - 1)}🦉y`;
  const pieces = texts(new LogLines().push(Buffer.from(`${line}\n`)));
  assert.deepEqual(pieces, ['x'.repeat(longestPiece - 1), '🦉y']);
});

test('what came last overwrites what came first, as on a terminal', () => {
  assert.deepEqual(texts(new LogLines().push(Buffer.from('abcdef\rXY\n10%\r\rdone\r\n\r\n'))), [
    'XYcdef',
    'done',
    '',
  ]);
});

test('nothing hostile depends on where a chunk ends', () => {
  const part = fc.oneof(
    fc.constantFrom(
      ...[
        '\r',
        '\n',
        '\r\n',
        '\x1b[31m',
        '\x1b]0;',
        '\x1b]8;;x\x1b\\',
        '\x1b]52;c;eA==\x07',
        '\x08',
        '\x9b1m',
      ],
      ...['@nix {"action":"setPhase","phase":"p"}', '@nix {', '漢字', '🦉', 'x'.repeat(longestPiece - 1)],
    ),
    fc.uint8Array({ maxLength: 6 }),
    fc.string({ maxLength: 6 }),
  );
  const shown = (chunks: readonly Uint8Array[]) => {
    const log = new LogLines();
    return [...chunks.flatMap((chunk) => log.push(chunk)), ...log.end()].map((item) =>
      item.kind === 'line' ? filterLine(item.text, { colours: true }) : item,
    );
  };
  fc.assert(
    fc.property(fc.array(part), fc.array(fc.nat({ max: 40 })), (parts, cuts) => {
      const bytes = Buffer.concat(parts.map((one) => Buffer.from(one as string)));
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut));
        at = Math.min(bytes.length, at + cut);
      }
      assert.deepEqual(shown([...chunks, bytes.subarray(at)]), shown([bytes]));
    }),
    { numRuns: 500 },
  );
});

test('a builder cannot make us work without end by going back and forth', () => {
  const log = new LogLines();
  log.push(Buffer.alloc(longestPiece, 'x'));
  const flood = Buffer.from('\ry'.repeat(2 ** 19));
  for (let i = 0; i < 8; i++) assert.deepEqual(log.push(flood), []);
  assert.deepEqual(texts(log.end()), [`y${'x'.repeat(longestPiece - 1)}`]);
});
