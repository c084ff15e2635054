import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readTempRoots } from '../../ts/store/collect/temp-root-files.js';
import { LockFile } from '../../ts/store/lock-file.js';
import { withShortcut } from '../../ts/store/socket-shortcut.js';
import { openTestStore, somePath, testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('temp-roots');
const script = fileURLToPath(new URL('../support/root-on-full-disk.js', import.meta.url));

test('a part of a record that a full disk leaves does not hide the next one', async (t) => {
  const directories = testDirectories(join(directory, 'full'));
  const files = join(directories.stateDir, 'temproots');
  mkdirSync(files, { recursive: true });
  // Of two units, which have 512 or 1024 bytes each; a write beyond that is cut short, and the next one fails.
  const limited = 'trap "" XFSZ; ulimit -f 2; exec "$@"';
  const child = spawn('sh', ['-c', limited, 'sh', process.execPath, script, directories.stateDir, '4096'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  assert.equal(String(said), 'EFBIG\n');
  const names = readTempRoots(directories, { removeStale: false, onNote: () => {} });
  assert.deepEqual(
    [...names].map(({ path }) => path),
    ['before', 'after'].map((name) => somePath('0', name)),
  );
  child.stdin.end();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

/** A store of which somebody is the collector, and says nothing to whoever tells of a root. */
async function silentCollector(t: TestContext, name: string) {
  const store = await openTestStore(join(directory, name));
  const { stateDir } = store.directories;
  const lock = LockFile.open(join(stateDir, 'gc.lock'));
  assert.ok(lock.tryLock('exclusive'));
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  mkdirSync(join(stateDir, 'gc-socket'), { recursive: true });
  await withShortcut(join(stateDir, 'gc-socket'), async (shortcut) => {
    server.listen(join(shortcut, 'socket'));
    await once(server, 'listening');
  });
  const connected = once(server, 'connection');
  t.after(() => {
    lock.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { store, connected };
}

const patience = { timeout: 120_000 };

test('who tells a collector that does not answer can be stopped', patience, async (t) => {
  const { store, connected } = await silentCollector(t, 'stopped');
  const controller = new AbortController();
  const adding = store.addTempRoots([somePath('a')], { signal: controller.signal });
  await connected;
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(adding, reason);
  await store.close();
});

test('a store can be closed while a collector does not answer', patience, async (t) => {
  const { store, connected } = await silentCollector(t, 'closed');
  const adding = assert.rejects(store.addTempRoot(somePath('a')), { code: 'ERR_ABORTED' });
  await connected;
  await store.close();
  await adding;
});
