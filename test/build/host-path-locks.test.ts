import assert from 'node:assert/strict';
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockHostPaths } from '../../ts/build/host-path-locks.js';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { testDirectories } from '../support/stores.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('host-path-locks');
const store = testDirectories(join(directory, 'root'));

/** Why a build with this path would wait while somebody else has this directory locked, if it would. */
async function waitsFor(locked: string, source: string, rootBuilds = false): Promise<string | undefined> {
  const fd = openSync(locked, 'r');
  const waiting = new AbortController();
  let why: string | undefined;
  try {
    assert.ok(native.tryLock(fd, 'exclusive'), `${locked} is locked by somebody else`);
    const path = { source, target: source, optional: false, readOnly: true, why: 'a test' };
    const onWait = (reason: string) => {
      why = reason;
      waiting.abort();
    };
    (await lockHostPaths([path], store, { signal: waiting.signal, onWait, rootBuilds }))[Symbol.dispose]();
  } catch (error) {
    if (!waiting.signal.aborted) throw error;
  } finally {
    closeSync(fd);
  }
  return why;
}

test('whoever may write to a directory above is waited for', async () => {
  const own = join(directory, 'own');
  mkdirSync(own);
  writeFileSync(join(own, 'file'), '');
  assert.match((await waitsFor(own, join(own, 'file'))) ?? '', /which another build is writing to/);
});

// Every user may read it and so lock it, and builders can do so where it is shown to them.
test('what only root can exchange is not waited for', requires('known-root', 'linux'), async () => {
  const below = '/usr/share';
  const [entry] = readdirSync(below);
  const waits = await waitsFor(below, join(below, entry!));
  assert.equal(waits, undefined);
});

test('as root: but where others may write to it', requires('root'), async () => {
  const shared = join(directory, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), '');
  chmodSync(shared, 0o777);
  assert.match((await waitsFor(shared, join(shared, 'file'))) ?? '', /which another build is writing to/);
});
