import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { LocalStore } from '../../ts/store/local-store.js';
import { CommandLine } from '../support/command-line.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

// Commands that read files take store paths that are not where they say.
const directory = temporaryDirectory('store-files');
const root = join(directory, 'root');
const line = new CommandLine(directory);
const host = join(directory, 'host');
let store: LocalStore;
let tree: string;
let archive: string;

before(async () => {
  store = await openTestStore(root);
  mkdirSync(host);
  writeFileSync(join(host, 'file'), 'hello');
  const text = await store.addText({ name: 'text', contents: 'elsewhere', references: [] });
  symlinkSync(text, join(host, 'link'));
  tree = (await store.addPath({ name: 'tree', source: host, references: [text] })).path;
  const dumped = (await line.run(['nar', 'dump', host])).stdout;
  archive = await store.addText({ name: 'archive', contents: dumped, references: [] });
  symlinkSync(tree, join(directory, 'result'));
});
after(() => store.close());

const inStore = async (...argv: string[]) => {
  const { status, stdout, stderr } = await line.run([...argv, '--store', root]);
  assert.equal(status, 0, stderr);
  return stdout;
};
const onHost = async (...argv: string[]) => (await line.run(argv)).stdout;

test('nar dump and hash path: a store path, and what lies in it, also behind `result`', async () => {
  assert.deepEqual(await inStore('nar', 'dump', tree), await onHost('nar', 'dump', host));
  assert.deepEqual(await inStore('hash', 'path', tree), await onHost('hash', 'path', host));
  const file = await onHost('hash', 'path', join(host, 'file'));
  assert.deepEqual(await inStore('hash', 'path', `${tree}/file`), file);
  assert.deepEqual(await inStore('hash', 'path', 'result/file'), file);
  // The last one is not followed: it has an archive itself.
  assert.deepEqual(
    await inStore('hash', 'path', `${tree}/link`),
    await onHost('hash', 'path', join(host, 'link')),
  );
});

test('hash file follows symlinks from one store path to another', async () => {
  writeFileSync(join(directory, 'expected'), 'elsewhere');
  assert.deepEqual(await inStore('hash', 'file', 'result/link'), await onHost('hash', 'file', 'expected'));
});

test('nar ls and nar cat: an archive in the store', async () => {
  assert.equal((await inStore('nar', 'ls', archive)).toString(), './file\n./link\n');
  assert.equal((await inStore('nar', 'cat', archive, 'file')).toString(), 'hello');
});

test('what is in neither place is named as it was given', async () => {
  const missing = `${tree}/missing`;
  for (const argv of [
    ['nar', 'dump', missing],
    ['hash', 'path', missing],
    ['hash', 'file', missing],
    ['nar', 'ls', missing],
  ]) {
    const { status, stderr } = await line.run([...argv, '--store', root]);
    assert.equal(status, 1, argv.join(' '));
    assert.ok(stderr.includes(missing), stderr);
  }
});
