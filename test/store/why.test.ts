import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Reference, referencesBetween } from '../../ts/store/why/chains.js';
import { findOccurrences } from '../../ts/store/why/occurrences.js';
import { CommandLine } from '../support/command-line.js';
import { randomGraph } from '../support/random-store.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('why');

test('chains: as short as can be, and with `all` exactly the references on some chain', () => {
  fc.assert(
    fc.property(randomGraph(25), fc.nat(), fc.nat(), (graph, a, b) => {
      const references = new Map(graph.map((made) => [made.path, made.references]));
      const reach = (path: string, seen = new Set<string>()): Set<string> => {
        if (!seen.has(path)) {
          seen.add(path);
          for (const other of references.get(path)!) reach(other, seen);
        }
        return seen;
      };
      const order = graph.map(({ path }) => path);
      const store = {
        references: (path: string) => [...references.get(path)!].sort(),
        closure: (paths: Iterable<string>) => {
          const reached = new Set([...paths].flatMap((path) => [...reach(path)]));
          return order.filter((path) => reached.has(path));
        },
      };
      const [from, to] = [order[a % order.length]!, order[b % order.length]!];
      const chain = referencesBetween(store, { from, to }, { all: false });
      const every = referencesBetween(store, { from, to }, { all: true });
      if (from === to) return;
      assert.equal(chain !== undefined, reach(from).has(to));
      if (!chain || !every) return;
      assert.equal(chain.length, breadthFirst(store.references, from, to));
      for (const [index, step] of chain.entries()) {
        assert.ok(references.get(step.from)!.includes(step.to));
        assert.equal(step.from, index === 0 ? from : chain[index - 1]!.to);
      }
      const naive = [...reach(from)].flatMap((path): Reference[] =>
        path === to
          ? []
          : references
              .get(path)!
              .flatMap((other) =>
                other !== path && reach(other).has(to) ? [{ from: path, to: other }] : [],
              ),
      );
      const texts = (list: readonly Reference[]) => list.map((one) => `${one.from} ${one.to}`).sort();
      assert.deepEqual(texts(every), texts(naive));
    }),
    { numRuns: 200 },
  );
});

function breadthFirst(references: (path: string) => string[], from: string, to: string): number {
  let [level, distance] = [new Set([from]), 0];
  for (; !level.has(to); distance++) level = new Set([...level].flatMap(references));
  return distance;
}

test('a reference is found in contents wherever it stands, in targets and in names', async () => {
  const part = 'abcdfghijklmnpqrsvwxyz0123456789';
  const block = 1024 * 1024;
  const tree = join(directory, 'tree');
  mkdirSync(join(tree, `x${part}`), { recursive: true });
  symlinkSync(`/nix/store/${part}-x`, join(tree, 'link'));
  // Around every border of what is read at a time.
  const offsets = [0, 1, block - 33, block - 1, block, block + 20, block + 56, 2 * block + 7];
  for (const offset of offsets)
    writeFileSync(
      join(tree, `at-${offset}`),
      Buffer.concat([Buffer.alloc(offset, 0xff), Buffer.from(`${part}\n!`)]),
    );
  writeFileSync(join(tree, 'part'), part.slice(0, 31));
  const found = await findOccurrences(tree, part, { limit: 100 });
  const inContents = found.flatMap(({ file, place, offset }) =>
    place === 'contents' ? [[file, offset]] : [],
  );
  assert.deepEqual(inContents.sort(), offsets.map((offset) => [`at-${offset}`, offset]).sort());
  const others = found.filter(({ place }) => place !== 'contents');
  assert.deepEqual(others, [
    { file: 'link', place: 'target', offset: 11, context: `/nix/store/${part}-x` },
    { file: `x${part}`, place: 'name', offset: 1, context: `x${part}` },
  ]);
  assert.equal(found.find(({ file }) => file === 'at-1')?.context, `.${part}.!`);
  assert.equal((await findOccurrences(tree, part, { limit: 2 })).length, 2);
});

test('why: the chain, the files, and what does not depend', async () => {
  const root = join(directory, 'store');
  const line = new CommandLine(directory);
  await using store = await openTestStore(root);
  const a = await store.addText({ name: 'a', contents: 'nothing', references: [] });
  const b = await store.addText({ name: 'b', contents: `see ${a}\n`, references: [a] });
  const c = await store.addText({ name: 'c', contents: `${b} and ${a}`, references: [a, b] });
  const d = await store.addText({ name: 'd', contents: `${c}`, references: [c] });
  const e = await store.addText({ name: 'e', contents: 'not in the text', references: [d] });
  const why = async (...argv: string[]) => {
    const found = await line.run(['why', '--store', root, ...argv]);
    return { ...found, stdout: found.stdout.toString() };
  };
  assert.equal(
    (await why(d, a)).stdout,
    `${d}
→ ${c}
    '.', byte 11: ${c}
→ ${a}
    '.', byte 61: ${`${b} and ${a}`.slice(61 - 24)}
`,
  );
  assert.equal(
    (await why('--all', c, a)).stdout,
    `${c}
→ ${[a, b].sort()[0]}
    '.', byte ${a < b ? 61 : 11}: ${a < b ? `${b} and ${a}`.slice(61 - 24) : `${b} and ${a}`}
→ ${[a, b].sort()[1]}
    '.', byte ${a < b ? 11 : 61}: ${a < b ? `${b} and ${a}` : `${b} and ${a}`.slice(61 - 24)}
${a < b ? '' : `${b}\n`}→ ${a}
    '.', byte 15: see ${a}.
`,
  );
  assert.match((await why(e, d)).stdout, /registered, but found in no file/);
  const { references } = JSON.parse((await why('--json', e, c)).stdout);
  assert.deepEqual(
    references.map(({ from, to }: Reference) => [from, to]),
    [
      [e, d],
      [d, c],
    ],
  );
  const none = await why(a, d);
  assert.deepEqual([none.status, none.stdout, none.stderr], [1, '', `'${a}' does not depend on '${d}'\n`]);
  assert.equal((await why(a, `/nix/store/${'0'.repeat(32)}-x`)).status, 1);
});
