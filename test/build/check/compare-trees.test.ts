import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareText, encodeText } from '../../../ts/base/text.js';
import { compareTrees } from '../../../ts/build/check/compare-trees.js';
import type { TreeDifference } from '../../../ts/build/check/difference.js';
import { readNar } from '../../../ts/formats/nar/read.js';
import { dumpTree, type NarTree } from '../../../ts/formats/nar/tree.js';
import { anyTree, cut } from '../../support/nar-trees.js';

async function differences(
  a: NarTree,
  b: NarTree,
  places: readonly number[] = [],
): Promise<TreeDifference[]> {
  const found: TreeDifference[] = [];
  const [left, right] = [dumpTree(a), dumpTree(b)];
  for await (const { difference } of compareTrees(readNar(cut(left, places)), readNar([right])))
    found.push(difference);
  return found;
}

const file = (text: string, executable = false): NarTree => ({
  type: 'regular',
  executable,
  contents: Buffer.from(text),
});
const link = (target: string): NarTree => ({ type: 'symlink', target });
const directory = (entries: Record<string, NarTree>): NarTree => ({
  type: 'directory',
  entries: new Map(Object.entries(entries)),
});

test('each way in which an entry can differ', async () => {
  const a = directory({
    bin: directory({ tool: file('#!/bin/sh\n', true), same: file('same') }),
    gone: directory({ x: file('abc'), y: link('x'), z: directory({}) }),
    link: link('one'),
    text: file('built at 1000000000\n'),
    turned: file(''),
  });
  const b = directory({
    bin: directory({ tool: file('#!/bin/sh\n'), same: file('same') }),
    link: link('two'),
    new: file('12'),
    text: file('built at 1000000001\n'),
    turned: directory({ inside: file('not looked into') }),
  });
  assert.deepEqual(await differences(a, b), [
    { kind: 'file', path: 'bin/tool', size: { a: 10, b: 10 }, executable: { a: true, b: false } },
    { kind: 'only-in', path: 'gone', side: 'a', type: 'directory', files: 2, size: 3 },
    { kind: 'target', path: 'link', a: 'one', b: 'two' },
    { kind: 'only-in', path: 'new', side: 'b', type: 'regular', files: 1, size: 2 },
    {
      kind: 'file',
      path: 'text',
      size: { a: 20, b: 20 },
      contents: {
        first: 18,
        differing: 1,
        ranges: [
          {
            start: 18,
            end: 19,
            a: { text: 'built at 1000000000\n', start: 18, end: 19 },
            b: { text: 'built at 1000000001\n', start: 18, end: 19 },
          },
        ],
        moreRanges: false,
      },
    },
    { kind: 'type', path: 'turned', a: 'regular', b: 'directory' },
  ]);
});

test('a top that is a file or link, and one of another type', async () => {
  assert.deepEqual(await differences(link('a'), link('b')), [{ kind: 'target', path: '', a: 'a', b: 'b' }]);
  assert.deepEqual(await differences(file('a', true), file('a')), [
    { kind: 'file', path: '', size: { a: 1, b: 1 }, executable: { a: true, b: false } },
  ]);
  assert.deepEqual(await differences(file('a'), directory({})), [
    { kind: 'type', path: '', a: 'regular', b: 'directory' },
  ]);
});

test('any two trees: what differs is what comparing them in memory gives', async () => {
  await fc.assert(
    fc.asyncProperty(anyTree, anyTree, fc.array(fc.nat(), { maxLength: 8 }), async (a, b, places) => {
      const found = await differences(a, b, places);
      assert.deepEqual(
        found.map(({ kind, path }) => `${kind} ${path}`),
        naive(a, b, ''),
      );
      assert.deepEqual(await differences(a, a, places), []);
    }),
    { numRuns: 500 },
  );
});

test('a source is closed when the caller has seen enough, and when the other fails', async () => {
  const nar = dumpTree(directory({ a: file('1'), b: file('2') }));
  const other = dumpTree(directory({ a: file('3'), b: file('4') }));
  const closed: string[] = [];
  async function* source(name: string, bytes: Uint8Array) {
    try {
      yield* readNar([bytes]);
    } finally {
      closed.push(name);
    }
  }
  for await (const _ of compareTrees(source('a', nar), source('b', other))) break;
  assert.deepEqual(closed.sort(), ['a', 'b']);

  const damaged = compareTrees(source('whole', nar), source('cut', other.subarray(0, 300)));
  await assert.rejects(async () => {
    for await (const _ of damaged);
  }, /ERR_NAR|NAR/);
  assert.deepEqual(closed.sort(), ['a', 'b', 'cut', 'whole']);
});

/** `kind path` of each difference, in order. */
function naive(a: NarTree, b: NarTree, path: string): string[] {
  if (a.type !== b.type) return [`type ${path}`];
  if (a.type === 'symlink' || b.type === 'symlink')
    return (a as { target: string }).target === (b as { target: string }).target ? [] : [`target ${path}`];
  if (a.type === 'regular' && b.type === 'regular') {
    const same = a.executable === b.executable && Buffer.compare(a.contents, b.contents) === 0;
    return same ? [] : [`file ${path}`];
  }
  const [left, right] = [a, b].map((tree) => (tree as NarTree & { type: 'directory' }).entries);
  return [...new Set([...left!.keys(), ...right!.keys()])].sort(compareText).flatMap((name) => {
    const below = path === '' ? name : `${path}/${name}`;
    const [one, other] = [left!.get(name), right!.get(name)];
    return one && other ? naive(one, other, below) : [`only-in ${below}`];
  });
}

test('names that are not UTF-8 keep their bytes', async () => {
  const found = await differences(directory({ 'n\udcff': file('') }), directory({}));
  assert.equal(found.length, 1);
  assert.ok(encodeText(found[0]!.path).equals(Buffer.from([0x6e, 0xff])));
});
