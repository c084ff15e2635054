import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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

test('messages to Nix are not text; phases are understood', () => {
  const log = new LogLines();
  const items = log.push(
    Buffer.from(
      '@nix {"action":"setPhase","phase":"buildPhase"}\n@nix {"action":"msg"}\n@nix not json\n@nix null\n@nixos\n',
    ),
  );
  assert.deepEqual(items, [
    { kind: 'phase', name: 'buildPhase' },
    { kind: 'line', text: '@nixos' },
  ]);
});
