import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LastLines } from '../../ts/build/last-lines.js';

const linesOf = (most: number, ...chunks: (string | Buffer)[]) => {
  const last = new LastLines(most);
  for (const chunk of chunks) last.push(Buffer.from(chunk as string));
  return last.lines();
};

test('keeps the newest lines, the unfinished one included', () => {
  assert.deepEqual(linesOf(2, 'a\nb\nc'), ['b', 'c']);
  assert.deepEqual(linesOf(2, 'a\nb\nc\n'), ['b', 'c']);
  assert.deepEqual(linesOf(0, 'a\nb\n'), []);
});

test('a carriage return overwrites its line', () => {
  assert.deepEqual(linesOf(3, '10%\r20%\r30%\ndone\r\n'), ['30%', 'done']);
});

test('structured messages are not lines', () => {
  assert.deepEqual(linesOf(3, 'a\n@nix {"action":"setPhase"}\nb\n'), ['a', 'b']);
});

test('a line without end is held in bounded memory', () => {
  const last = new LastLines(3);
  for (let i = 0; i < 100; i++) last.push(Buffer.alloc(65536, 'x'));
  assert.equal(last.lines()[0]?.length, 4096);
});

test('chunking does not matter, not even inside a character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'ü', '🦉', '\n', '\r') }),
      fc.integer({ min: 1, max: 5 }),
      (text, size) => {
        const bytes = Buffer.from(text);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        assert.deepEqual(linesOf(3, ...chunks), linesOf(3, bytes));
      },
    ),
  );
});

test('what would drive a terminal is not kept', () => {
  const lines = linesOf(
    5,
    '\x1b[31mred\x1b[0m\n\x1b]0;title\x07named\n\x1b[2Jcleared\x07\nbad \xff\n',
    Buffer.from([0xff, 0x9b]),
  );
  assert.deepEqual(lines, ['red', 'named', 'cleared', 'bad ÿ', '\ufffd\ufffd']);
});
