import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { fileSystemCheck } from '../../ts/doctor/file-system.js';

test('a network file system is named, also for a directory yet to be made', async () => {
  const check = await fileSystemCheck('/home/me/new/store', async (path) =>
    path === '/home' ? 0x6969 : undefined,
  );
  assert.deepEqual([check.ok, check.required], [false, false]);
  assert.match(check.cause ?? '', /\/home\/me\/new\/store lies on NFS/);
});

test('other file systems, and no answer at all, are no objection', async () => {
  assert.equal((await fileSystemCheck('/a', async () => 0xef53)).ok, true);
  assert.equal((await fileSystemCheck('/a', async () => undefined)).ok, true);
  assert.equal(typeof (await fileSystemCheck(tmpdir())).ok, 'boolean');
});
