import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../ts/index.js';
import { caller, someRange, supply } from '../support/identities.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('foreign-garbage');

/** Runs a script as root of a user namespace that has the first of our subordinate ids as 1. */
async function runAsRootOfMany(script: string): Promise<void> {
  // What a process may do is decided when it is executed: once it is root.
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo ready; read go; exec sh -ec "$0"', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  await once(child.stdout, 'data');
  const mapOf = (own: number, first: number) => [child.pid!, 0, own, 1, 1, first, 1000].map(String);
  execFileSync(supply.newuidmap!, mapOf(caller.uid, someRange.uid));
  execFileSync(supply.newgidmap!, mapOf(caller.gid, someRange.gid));
  child.stdin.end('go\n');
  assert.deepEqual(await exit, [0, null]);
}

test(
  'what a killed builder with ids of its own has left is garbage like any other',
  requires('user-namespaces', 'subordinate-ids', 'program:unshare'),
  async () => {
    await using store = await openStore({ store: join(directory, 'store'), env: process.env });
    const { realStoreDir } = store.local.directories;
    const left = join(realStoreDir, `${'0'.repeat(32)}-x.drv.chroot`);
    const foreign = join(left, 'root/foreign');
    mkdirSync(join(left, 'root'), { recursive: true });
    await runAsRootOfMany(
      `mkdir '${foreign}'; echo x > '${foreign}/file'; chown -R 7:8 '${foreign}'; chmod 700 '${foreign}'`,
    );
    assert.notEqual(statSync(foreign).uid, caller.uid);
    const report = await store.local.collectGarbage();
    assert.deepEqual([report.deleted, report.kept], [1, []]);
    assert.ok(!existsSync(left));
    assert.ok(!existsSync(join(realStoreDir, '.trash')));
  },
);
