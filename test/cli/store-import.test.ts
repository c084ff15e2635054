import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readFixture } from '../support/fixtures.js';
import { openTestStore } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('store-import');
const main = fileURLToPath(new URL('../../ts/main.js', import.meta.url));
const closure = readFixture('store', 'nix-2.8-closure.export');

/** What is in the stream, sorted. */
async function pathsInClosure(): Promise<string[]> {
  await using store = await openTestStore(join(directory, 'whole'));
  return (await store.importPaths(Readable.from([closure]))).toSorted();
}

/** Starts `airplant store import` in a process of its own. */
function startImport(t: TestContext, root: string) {
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    NIX_CONF_DIR: directory,
    XDG_CONFIG_DIRS: directory,
  };
  const argv = [main, 'store', 'import', '--store', root];
  const child = spawn(process.execPath, argv, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => void child.kill('SIGKILL'));
  const words = { stderr: '' };
  child.stderr.on('data', (chunk: Buffer) => {
    words.stderr += chunk.toString();
  });
  return { child, words };
}

test('all is imported although nobody reads the names, and that is no error to talk about', async (t) => {
  const root = join(directory, 'unread');
  const { child, words } = startImport(t, root);
  child.stdout.destroy();
  child.stdin.end(closure);
  assert.deepEqual(await once(child, 'close'), [141, null]);
  assert.equal(words.stderr, '');
  await using store = await openTestStore(root, { readOnly: true });
  assert.deepEqual(store.validPaths().toSorted(), await pathsInClosure());
});

test('a stream that is damaged is what is wrong, also if nobody reads the names', async (t) => {
  const { child, words } = startImport(t, join(directory, 'damaged'));
  child.stdout.destroy();
  child.stdin.end(closure.subarray(0, -8));
  assert.deepEqual(await once(child, 'close'), [1, null]);
  assert.match(words.stderr, /^error: /);
});

test('an interrupt ends an import whose source says nothing any more', { timeout: 120_000 }, async (t) => {
  const { child, words } = startImport(t, join(directory, 'silent'));
  child.stdin.write(closure.subarray(0, -8));
  // All has come but the end.
  const expected = await pathsInClosure();
  for (let said = ''; said.split('\n').length <= expected.length; )
    said += String((await once(child.stdout, 'data'))[0]);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'close'), [130, null]);
  assert.match(words.stderr, /interrupted by SIGINT/);
});
