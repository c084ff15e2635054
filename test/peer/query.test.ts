import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandLine } from '../support/command-line.js';
import { RealNix } from '../support/nix.js';
import { makeUp, randomGraph } from '../support/random-store.js';
import { requires } from '../support/requires.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Every question is answered by `airplant query` as `nix-store --query` answers it, byte for byte.
const needs = requires('program:nix-store');
const directory = temporaryDirectory('peer-query');
const line = new CommandLine(directory);

/** Flags of `nix-store --query`, and what we call them. */
const queries: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['--references'], ['references']],
  [['--requisites'], ['requisites']],
  [
    ['--requisites', '--include-outputs'],
    ['requisites', '--include-outputs'],
  ],
  [['--referrers'], ['referrers']],
  [['--referrers-closure'], ['referrers-closure']],
  [['--deriver'], ['deriver']],
  [['--outputs'], ['outputs']],
  [['--hash'], ['hash']],
  [['--size'], ['size']],
  [['--tree'], ['tree']],
  [['--graph'], ['graph']],
  [['--graphml'], ['graphml']],
];

async function assertSameAnswers(
  nix: RealNix,
  paths: readonly string[],
  {
    flags = [],
    except = [],
  }: { readonly flags?: readonly string[]; readonly except?: readonly string[] } = {},
): Promise<void> {
  for (const [theirs, ours] of queries) {
    if (except.includes(ours[0]!)) continue;
    const expected = nix.try('nix-store', '--query', ...theirs, ...flags, ...paths);
    assert.equal(expected.status, 0, expected.stderr);
    const found = await line.run(['query', ...ours, ...flags, '--store', nix.store, '--', ...paths]);
    assert.equal(found.status, 0, found.stderr);
    assert.equal(found.stdout.toString(), expected.stdout, `${ours.join(' ')} ${paths.join(' ')}`);
  }
}

test('queries of random graphs', needs, async () => {
  const graphs = fc.sample(randomGraph(40), { numRuns: 4, seed: 5 });
  for (const [index, graph] of graphs.entries()) {
    const nix = new RealNix(directory, join(directory, `random-${index}`));
    await using store = await openTestStore(nix.store);
    await makeUp(store, graph);
    const paths = graph.map(({ path }) => path);
    await assertSameAnswers(nix, paths);
    await assertSameAnswers(nix, [paths.at(-1)!, paths[0]!, paths.at(-1)!]);
  }
});

test('queries of derivations and their outputs', {
  ...needs,
  ...requires('program:nix-instantiate'),
}, async () => {
  const nix = new RealNix(directory, join(directory, 'derivations'));
  const [diamond, multi] = [nix.instantiate('diamond'), nix.instantiate('multi')];
  await using store = await openTestStore(nix.store);
  const outputs = new Map(
    store.validPaths().flatMap((path) => {
      const [out] = path.endsWith('.drv') ? store.derivationOutputs(path).values() : [];
      return out === undefined ? [] : [[path, out] as const];
    }),
  );
  // Of multi only one output is there.
  await makeUp(
    store,
    [...outputs].map(([deriver, path]) => ({ path, references: [path], deriver })),
  );
  const made = [...outputs.values()];
  await assertSameAnswers(nix, [diamond, multi, ...made]);
  await assertSameAnswers(nix, [diamond], {
    flags: ['--use-output'],
    except: ['deriver', 'tree', 'outputs'],
  });
  const [deriver] = outputs.keys();
  for (const path of [diamond, multi, outputs.get(deriver!)!]) {
    for (const name of ['name', 'system', 'out'])
      assert.equal(
        (await line.run(['query', 'binding', name, path, '--store', nix.store])).stdout.toString(),
        nix.try('nix-store', '--query', '--binding', name, path).stdout,
      );
  }
  const noBinding = nix.try('nix-store', '--query', '--binding', 'nothing', diamond);
  const ours = await line.run(['query', 'binding', 'nothing', diamond, '--store', nix.store]);
  assert.equal(ours.status, noBinding.status);
  assert.match(noBinding.stderr, /has no environment binding named 'nothing'/);
  assert.match(ours.stderr, /has no environment binding named 'nothing'/);
});

test('roots', needs, async () => {
  const nix = new RealNix(directory, join(directory, 'roots'));
  await using store = await openTestStore(nix.store);
  const used = await store.addText({ name: 'used', contents: 'x', references: [] });
  const user = await store.addText({ name: 'user', contents: used, references: [used] });
  const other = await store.addText({ name: 'other', contents: 'y', references: [] });
  await store.makeResultLink({ link: join(directory, 'result'), path: user });
  await store.makeResultLink({ link: join(directory, 'result-other'), path: other });
  // What is open here is a root as well, and has another number for Nix.
  const links = (text: string) => text.split('\n').filter((root) => root.startsWith(directory));
  for (const paths of [[used], [user, other], [other]]) {
    const expected = links(nix.run('nix-store', '--query', '--roots', ...paths));
    const found = await line.run(['query', 'roots', '--store', nix.store, ...paths]);
    assert.equal(found.status, 0, found.stderr);
    assert.deepEqual(links(found.stdout.toString()).sort(), expected.sort());
    assert.equal(expected.length, paths.length);
  }
});

test('paths that are not valid', needs, async () => {
  const nix = new RealNix(directory, join(directory, 'invalid'));
  await using store = await openTestStore(nix.store);
  await store.addText({ name: 'text', contents: 'x', references: [] });
  const path = `/nix/store/${'0'.repeat(32)}-nothing`;
  for (const [theirs, ours] of queries) {
    const expected = nix.try('nix-store', '--query', ...theirs, path);
    const found = await line.run(['query', ...ours, '--store', nix.store, path]);
    assert.equal(found.status, expected.status, ours.join(' '));
    if (expected.status !== 0) assert.match(found.stderr, /is not valid/);
  }
});
