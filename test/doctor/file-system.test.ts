import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { fileSystemCheck } from '../../ts/doctor/file-system.js';

const onlyHome = (type: string) => (path: string) => {
  if (path === '/home') return type;
  throw new Error('ENOENT');
};

test('a file system that several hosts share is named, also for a directory yet to be made', () => {
  const check = fileSystemCheck('/home/me/new/store', onlyHome('nfs'));
  assert.deepEqual([check.ok, check.required], [false, false]);
  assert.match(check.cause ?? '', /\/home\/me\/new\/store: nfs is shared by several hosts/);
  assert.match(check.cost ?? '', /without its write-ahead log/);
});

test('one whose locks mean nothing is refused by the store, and the doctor says so', () => {
  for (const type of ['fuse.sshfs', 'vboxsf', 'cifs']) {
    const check = fileSystemCheck('/home/me/store', onlyHome(type));
    assert.equal(check.ok, false, type);
    assert.match(check.cost ?? '', /No store can be kept there/);
  }
});

test('other file systems, and no answer at all, are no objection', () => {
  assert.equal(fileSystemCheck('/a', () => 'ext4').ok, true);
  assert.equal(fileSystemCheck('/a', () => undefined).ok, true);
  const nothing = () => {
    throw new Error('ENOENT');
  };
  assert.equal(fileSystemCheck('/a', nothing).ok, true);
  assert.equal(typeof fileSystemCheck(tmpdir()).ok, 'boolean');
});
