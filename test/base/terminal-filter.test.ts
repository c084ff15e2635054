import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filterLine, filterText } from '../../ts/base/terminal-filter.js';

const plain = (line: string) => filterLine(line, { colours: false });
const coloured = (line: string) => filterLine(line, { colours: true });

const cases: readonly [what: string, line: string, shown: string][] = [
  ['plain text', 'gcc -c hello.c', 'gcc -c hello.c'],
  ['clearing the screen', 'a\x1b[2Jb', 'ab'],
  ['moving the cursor', '\x1b[10;20Hx\x1b[5A', 'x'],
  ['private modes', '\x1b[?1049h\x1b[?25lx', 'x'],
  ['a CSI with intermediate bytes', '\x1b[1 qx', 'x'],
  ['a CSI without an end', 'x\x1b[31', 'x'],
  ['a window title', '\x1b]0;owned\x07x', 'x'],
  ['a hyperlink', '\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\', 'text'],
  ['the clipboard', '\x1b]52;c;ZXZpbA==\x07x', 'x'],
  ['an OSC without an end', 'x\x1b]0;rest of the line', 'x'],
  ['an OSC holding another escape', '\x1b]0;a\x1b[31mb\x07x', 'x'],
  ['a DCS', '\x1bP$q"p\x1b\\x', 'x'],
  ['an APC', '\x1b_Gf=32;AAAA\x1b\\x', 'x'],
  ['a reset of the terminal', '\x1bcx', 'x'],
  ['a change of character set', '\x1b(0x\x1b)B', 'x'],
  ['8-bit CSI', '\x9b2Jx', 'x'],
  ['8-bit OSC', '\x9d0;owned\x9cx', 'x'],
  ['bell, backspace, form feed, DEL and NUL', 'a\x07\x08\x0c\x7f\0b', 'ab'],
  ['an escape at the very end', 'x\x1b', 'x'],
  ['escape after escape', '\x1b\x1b\x1b[31mx', 'x'],
  ['text that reorders itself', 'user\u202e txt\u2066', 'user txt'],
  ['line separators', 'a\u2028b', 'ab'],
  ['a byte that was not UTF-8', 'a\udc80b', 'a\ufffdb'],
  ['emoji', 'a 😀 b', 'a 😀 b'],
  ['a tab', 'ab\tc', 'ab      c'],
  ['a progress bar', '10%\r50%\r100%', '100%'],
  ['a shorter text over a longer one', 'abcdef\rXY', 'XYcdef'],
];
for (const [what, line, shown] of cases) {
  test(what, () => assert.equal(plain(line), shown));
}

test('colours are kept when wanted, and closed', () => {
  assert.equal(coloured('\x1b[1;31merror\x1b[0m: x'), '\x1b[1;31merror\x1b[0m: x\x1b[0m');
  assert.equal(coloured('\x1b[38:2:1:2:3mx'), '\x1b[38:2:1:2:3mx\x1b[0m');
  assert.equal(plain('\x1b[1;31merror\x1b[0m'), 'error');
});

test('only true SGR sequences count as colours', () => {
  for (const line of ['\x1b[>4;2m', '\x1b[?4m', '\x1b[1 m', `\x1b[${'1;'.repeat(100)}m`, '\x9b>1m']) {
    assert.equal(coloured(`${line}x`), 'x', JSON.stringify(line));
  }
});

test('no text yields anything but printable characters and colours', () => {
  const nasty = fc.array(
    fc.oneof(
      fc.constantFrom(
        '\x1b',
        '\x1b[',
        '\x1b]',
        '\x1bP',
        '\x07',
        '\x1b\\',
        '\r',
        '\t',
        'm',
        ';',
        '\x9b',
        '\x9c',
        '\x90',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
  );
  fc.assert(
    fc.property(nasty, fc.boolean(), (parts, colours) => {
      const shown = filterLine(parts.join(''), { colours });
      const rest = colours ? shown.replace(/\x1b\[[0-9;:]{0,64}m/g, '') : shown;
      assert.doesNotMatch(rest, /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
      assert.ok(shown.isWellFormed());
    }),
    { numRuns: 2000 },
  );
});

test('what is harmless stays as it is', () => {
  fc.assert(fc.property(fc.stringMatching(/^[ -~äß漢😀]*$/u), (text) => assert.equal(plain(text), text)));
});

test('filtering twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(plain(plain(text)), plain(text))),
  );
});

test('a long hostile line takes linear time', () => {
  const start = performance.now();
  for (const part of ['\x1b]', '\x1b', '\x1b[', '\r', 'x\r', '\x1b]0;\x1b', '\x9d\x1b'])
    plain(part.repeat(1_000_000));
  // Quadratic time would be hours.
  assert.ok(performance.now() - start < 60_000);
});

test('text keeps its newlines', () => {
  assert.equal(filterText('a\x1b[2J\nb\x07', { colours: false }), 'a\nb');
});
