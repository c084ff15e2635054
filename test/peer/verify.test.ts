import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { CommandLine } from '../support/command-line.js';
import { damage } from '../support/damage.js';
import { RealNix } from '../support/nix.js';
import { type MadeUpPath, makeUp } from '../support/random-store.js';
import { requires } from '../support/requires.js';
import { openTestStore, somePath } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// The same damage, verified by both: the same is said of it, and the same is left.
const needs = requires('program:nix-store');
const directory = temporaryDirectory('peer-verify');
const line = new CommandLine(directory);

/** `user` refers to `used`, and so on. */
const graph: readonly MadeUpPath[] = [
  { path: somePath('0', 'used'), references: [] },
  { path: somePath('1', 'user'), references: [somePath('0', 'used')] },
  { path: somePath('2', 'good'), references: [somePath('2', 'good'), somePath('0', 'used')] },
  { path: somePath('3', 'gone'), references: [somePath('3', 'gone')] },
  { path: somePath('4', 'gone-user'), references: [somePath('3', 'gone')] },
  { path: somePath('5', 'modified'), references: [] },
  { path: somePath('6', 'unhashed'), references: [] },
  { path: somePath('7', 'unsized'), references: [] },
];

/** A sound store, and a copy of it, in which `harm` has been done to both. */
async function twoStores(name: string, harm: (root: string) => Promise<void> | void) {
  const theirs = new RealNix(directory, join(directory, `${name}-theirs`));
  {
    await using store = await openTestStore(theirs.store);
    await makeUp(store, graph);
  }
  theirs.run('nix-store', '--optimise');
  const ours = new RealNix(directory, join(directory, `${name}-ours`));
  execFileSync('cp', ['-a', theirs.store, ours.store]);
  for (const { store } of [theirs, ours]) await harm(store);
  return { theirs, ours };
}

/** What a verification says, without the order, and whatever only we say. */
function linesOf(stderr: string, { store }: RealNix): string[] {
  const all = stderr.split('\n').filter((text) => text !== '' && !text.includes('is not registered'));
  return all.map((text) => text.replaceAll(store, 'STORE')).sort();
}

async function assertSameVerification(
  { theirs, ours }: { readonly theirs: RealNix; readonly ours: RealNix },
  ...flags: readonly string[]
): Promise<void> {
  const expected = theirs.try('nix-store', '--verify', ...flags);
  const found = await line.run(['verify', ...flags, '--progress', 'plain', '--store', ours.store]);
  assert.deepEqual(linesOf(found.stderr, ours), linesOf(expected.stderr, theirs));
  assert.equal(found.status, expected.status);
  assert.equal(ours.run('nix-store', '--dump-db'), theirs.run('nix-store', '--dump-db'));
}

function setColumns(root: string, columns: string, path: string): void {
  const { DatabaseSync } = createRequire(import.meta.url)('@photostructure/sqlite');
  const database = new DatabaseSync(join(root, 'nix/var/nix/db/db.sqlite'));
  database.prepare(`update ValidPaths set ${columns} where path = ?`).run(path);
  database.close();
}

async function harm(root: string, ...paths: readonly (readonly [path: string, how: string])[]) {
  await using store = await openTestStore(root);
  for (const [path, how] of paths) await damage(store, path, how);
}

const gone = 'a path that is gone';

test('a sound store', needs, async () => {
  const stores = await twoStores('sound', () => {});
  await assertSameVerification(stores);
  await assertSameVerification(stores, '--check-contents');
});

test('paths that are gone: forgotten if nothing refers to them', needs, async () => {
  const stores = await twoStores('gone', (root) =>
    harm(
      root,
      [somePath('0', 'used'), gone],
      [somePath('3', 'gone'), gone],
      [somePath('4', 'gone-user'), gone],
    ),
  );
  await assertSameVerification(stores);
  await assertSameVerification(stores, '--check-contents');
});

test('contents of all kinds, and empty fields that are filled in', needs, async () => {
  const stores = await twoStores('contents', async (root) => {
    await harm(root, [somePath('5', 'modified'), 'a file too many'], [somePath('1', 'user'), 'another mode']);
    setColumns(root, `hash = 'sha256:${'0'.repeat(64)}'`, somePath('6', 'unhashed'));
    setColumns(root, 'narSize = null', somePath('7', 'unsized'));
  });
  await assertSameVerification(stores, '--check-contents');
  await assertSameVerification(stores, '--check-contents');
});

test('files of .links that are not what they are called', needs, async () => {
  const stores = await twoStores('links', (root) => {
    const links = join(root, 'nix/store/.links');
    const link = join(links, readdirSync(links).sort()[0]!);
    chmodSync(link, 0o644);
    writeFileSync(link, 'other');
    chmodSync(link, 0o444);
  });
  await assertSameVerification(stores, '--check-contents');
});

test('what Nix cannot say: a JSON report, some paths only, and what is not registered', needs, async () => {
  const nix = new RealNix(directory, join(directory, 'report'));
  await using store = await openTestStore(nix.store);
  await makeUp(store, graph);
  await damage(store, somePath('5', 'modified'));
  writeFileSync(join(store.directories.realStoreDir, 'stray'), '');
  const verify = async (...argv: string[]) => {
    const found = await line.run(['verify', '--store', nix.store, ...argv]);
    return { ...found, stdout: found.stdout.toString() };
  };
  const all = await verify('--check-contents', '--json');
  assert.equal(all.status, 1);
  const { findings, paths } = JSON.parse(all.stdout);
  assert.equal(paths, graph.length);
  assert.deepEqual(
    findings.map(({ kind, state }: { kind: string; state: string }) => `${kind} ${state}`),
    ['unregistered note', 'modified error'],
  );
  assert.equal((await verify('--check-contents')).stdout, `${somePath('5', 'modified')}\n`);
  const good = await verify('--check-contents', somePath('2', 'good'));
  assert.deepEqual([good.status, good.stdout], [0, '']);
  const bad = await verify('--check-contents', somePath('5', 'modified'), somePath('2', 'good'));
  assert.deepEqual([bad.status, bad.stdout], [1, `${somePath('5', 'modified')}\n`]);
  const unknown = await verify(somePath('9', 'unknown'));
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /is not valid/);
});

test('--repair: built again, links removed; what nobody can make stays damaged and is printed', {
  ...needs,
  ...requires('user-namespaces', 'program:nix-instantiate', 'program:busybox'),
}, async () => {
  const nix = new RealNix(directory, join(directory, 'repair'));
  const settings = { 'sandbox-paths': ['/bin/busybox'] };
  await using store = await openStore({ store: nix.store, settings });
  const drvPath = nix.instantiate('diamond');
  assert.equal((await store.build([drvPath]).result).exitStatus, 0);
  const text = await store.local.addText({ name: 'text', contents: 'nobody has it\n', references: [] });
  nix.run('nix-store', '--optimise');
  const outputs = store.local.closure([...store.local.derivationOutputs(drvPath).values()]);
  // One by replacing a file, which .links shares, and one by removing everything, which others refer to.
  await damage(store.local, outputs[0]!, gone);
  await damage(store.local, outputs.at(-1)!, 'a flipped bit');
  const first = await store.verify({ checkContents: true, repair: true }).result;
  assert.equal(first.exitStatus, 0, JSON.stringify(first.findings));
  assert.deepEqual(new Set(first.repaired), new Set([outputs[0]!, outputs.at(-1)!]));
  assert.ok(first.findings.some(({ kind, state }) => kind === 'link' && state === 'settled'));
  assert.equal(nix.try('nix-store', '--verify', '--check-contents').status, 0);
  await damage(store.local, text);
  const second = await store.verify({ checkContents: true, repair: true }).result;
  assert.equal(second.exitStatus, 1);
  assert.deepEqual(
    second.findings.flatMap((one) => (one.state === 'error' && 'path' in one ? [one.path] : [])),
    [text],
  );
  assert.equal(nix.try('nix-store', '--verify', '--check-contents').status, 1);
});
