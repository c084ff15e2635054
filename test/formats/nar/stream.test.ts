import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirplantError } from '../../../ts/base/errors.js';
import type { NarEvent } from '../../../ts/formats/nar/event.js';
import { NarParser } from '../../../ts/formats/nar/parser.js';
import { readNar } from '../../../ts/formats/nar/read.js';
import { dumpTree, type NarTree, treeEvents } from '../../../ts/formats/nar/tree.js';
import { writeNar } from '../../../ts/formats/nar/write.js';
import { anyTree, cut, treeOf } from '../../support/nar-trees.js';
import { longForm } from '../../support/requires.js';

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const kept: Buffer[] = [];
  for await (const chunk of chunks) kept.push(Buffer.from(chunk));
  return Buffer.concat(kept);
}

test('a tree survives writing and reading in chunks cut anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(anyTree, fc.array(fc.nat(), { maxLength: 30 }), async (tree, places) => {
      const nar = dumpTree(tree);
      assert.equal(nar.length % 8, 0);
      assert.ok((await collect(writeNar(treeEvents(tree)))).equals(nar));
      const read = await treeOf(readNar(cut(nar, places)));
      assert.ok(dumpTree(read).equals(nar));
      assert.ok((await collect(writeNar(readNar(cut(nar, places))))).equals(nar));
    }),
    { numRuns: longForm ? 5000 : 300 },
  );
});

test('one byte at a time gives the same events', async () => {
  const tree: NarTree = {
    type: 'directory',
    entries: new Map<string, NarTree>([
      ['z', { type: 'symlink', target: 'grün \udcff' }],
      ['a', { type: 'regular', executable: true, contents: Buffer.from('hello') }],
    ]),
  };
  const nar = dumpTree(tree);
  const events: NarEvent[] = [];
  for await (const event of readNar(cut(nar, Array.from(nar.keys())))) events.push(event);
  assert.deepEqual(events, [
    { kind: 'directory' },
    { kind: 'entry', name: 'a' },
    { kind: 'regular', executable: true, size: 5 },
    ...Array.from('hello', (letter) => ({ kind: 'data', chunk: Buffer.from(letter) })),
    { kind: 'regular-end' },
    { kind: 'entry', name: 'z' },
    { kind: 'symlink', target: 'grün \udcff' },
    { kind: 'directory-end' },
  ]);
});

test('a parser stops at the end of the NAR, for streams that go on', () => {
  const nar = dumpTree({ type: 'symlink', target: 'x' });
  const parser = new NarParser(() => {});
  assert.equal(parser.take(nar.subarray(0, 50)), 50);
  assert.equal(parser.finished, false);
  assert.equal(parser.take(Buffer.concat([nar.subarray(50), Buffer.from('more')])), nar.length - 50);
  assert.equal(parser.finished, true);
  assert.equal(parser.offset, nar.length);
  assert.equal(parser.take(Buffer.from('more')), 0);
  parser.end();
});

test('bytes after the NAR are refused even when they come in a chunk of their own', async () => {
  const nar = dumpTree({ type: 'symlink', target: 'x' });
  await assert.rejects(treeOf(readNar([nar, new Uint8Array(0), Buffer.from('\0')])), (error) =>
    isAirplantError(error, 'ERR_NAR'),
  );
  await treeOf(readNar([nar, new Uint8Array(0)]));
});

test('the source is closed when the reader stops early or the NAR is damaged', async () => {
  let closed = 0;
  async function* source(bytes: Uint8Array) {
    try {
      yield bytes;
      yield bytes;
    } finally {
      closed++;
    }
  }
  for await (const event of readNar(source(dumpTree({ type: 'directory', entries: new Map() }))))
    if (event.kind === 'directory') break;
  assert.equal(closed, 1);
  await assert.rejects(treeOf(readNar(source(Buffer.alloc(100)))));
  assert.equal(closed, 2);
});

test('a failing source fails the reader with its own error', async () => {
  async function* source() {
    yield dumpTree({ type: 'symlink', target: 'x' }).subarray(0, 20);
    throw new Error('connection lost');
  }
  await assert.rejects(treeOf(readNar(source())), /connection lost/);
});

test('memory does not grow with the NAR', async () => {
  const size = (longForm ? 10 : 1) * 1024 ** 3 + 3;
  const chunk = Buffer.alloc(256 * 1024, 'x');
  function* hugeFile(): Generator<NarEvent> {
    yield { kind: 'regular', executable: false, size };
    for (let left = size; left > 0; left -= chunk.length)
      yield { kind: 'data', chunk: left < chunk.length ? chunk.subarray(0, left) : chunk };
    yield { kind: 'regular-end' };
  }
  let read = 0;
  let peak = 0;
  const before = process.memoryUsage().rss;
  for await (const event of readNar(writeNar(hugeFile()))) {
    if (event.kind === 'data') read += event.chunk.length;
    if (read % (64 * 1024 ** 2) === 0) peak = Math.max(peak, process.memoryUsage().rss - before);
  }
  assert.equal(read, size);
  assert.ok(peak < 100 * 1024 ** 2, `grew by ${peak} bytes`);
});

test('one huge chunk does not become as many events at once', async () => {
  const names = Array.from({ length: 50_000 }, (_, i) => String(i).padStart(6, '0'));
  const nar = dumpTree({
    type: 'directory',
    entries: new Map(names.map((name) => [name, { type: 'symlink', target: name }])),
  });
  let count = 0;
  for await (const event of readNar([nar])) if (event.kind === 'symlink') count++;
  assert.equal(count, names.length);
});
