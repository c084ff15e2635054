import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CommandLine } from '../support/command-line.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('cli-read-only');
const line = new CommandLine(directory);
const ordinary = process.getuid?.() === 0 ? { skip: 'root may write to everything' } : {};

/** Takes the permission to write away from everything below a directory. */
function protect(path: string): void {
  const { mode } = lstatSync(path);
  if (lstatSync(path).isSymbolicLink()) return;
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) protect(join(path, name));
  chmodSync(path, mode & 0o555);
}

test('whoever may only read a store gets the answers of its owner', ordinary, async () => {
  const root = join(directory, 'root');
  const source = join(directory, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub/file'), 'contents');
  const paths = await (async () => {
    await using store = await openTestStore(root);
    const used = (await store.addPath({ name: 'used', source })).path;
    const user = await store.addText({ name: 'user', contents: used, references: [used] });
    await store.addText({ name: 'garbage', contents: '', references: [] });
    mkdirSync(join(store.directories.realStoreDir, `${'0'.repeat(32)}-half`));
    symlinkSync(user, join(store.directories.stateDir, 'gcroots/user'));
    return { used, user };
  })();
  const { used, user } = paths;
  const queries = [
    ...['references', 'referrers', 'requisites', 'referrers-closure', 'deriver', 'valid-derivers'],
    ...['hash', 'size', 'tree', 'graph', 'roots', 'outputs', 'binding'],
  ].map((word) => ['query', word, ...(word === 'binding' ? ['name'] : []), user]);
  const commands = [
    ...queries,
    ['path-info', '--json', user],
    ['why', user, used],
    ['store', 'export', '-r', user],
    ['store', 'dump-db'],
    ['store', 'check-validity', user, used],
    ['nar', 'dump', used],
    ['nar', 'ls', '-lR', used],
    ['nar', 'cat', used, 'sub/file'],
    ['hash', 'path', used],
    ['nix-store', '--query', '--references', user],
    ['nix-store', '--verify-path', user],
    ['nix-store', '--gc', '--print-roots'],
    ['nix-store', '--dump', used],
    ['nix-store', '--gc', '--print-dead'],
    ['gc', '--print-live'],
    ['gc', '--print-dead'],
    ['gc', '--dry-run'],
    ['gc', '--dry-run', '--json'],
  ].map((words) => [...words, '--store', root]);
  const expected = [];
  for (const command of commands) expected.push(await line.run(command));
  assert.ok(expected.filter(({ status }) => status === 0).length > 20);
  protect(root);
  for (const [index, command] of commands.entries())
    assert.deepEqual(await line.run(command), expected[index], command.join(' '));
  // Of these the answer is that it may not be written to, and why.
  for (const words of [['verify'], ['gc'], ['optimise'], ['store', 'add', source]]) {
    const { status, stderr } = await line.run([...words, '--store', root]);
    assert.equal(status, 1, words.join(' '));
    assert.match(stderr, /ERR_STORE_READ_ONLY|open for reading only/, words.join(' '));
  }
});
