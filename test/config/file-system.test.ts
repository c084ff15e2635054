import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideJournal, fileSystemType, mountedType } from '../../ts/config/file-system.js';
import { requires } from '../support/requires.js';

test('where a store can be kept, and how', () => {
  const table = [
    ['ext4', true, 'wal'],
    ['tmpfs', true, 'wal'],
    [undefined, true, 'wal'],
    ['fuse.bindfs', true, 'wal'],
    ['nfs', true, 'truncate'],
    ['nfs4', true, 'truncate'],
    ['lustre', true, 'truncate'],
    ['gpfs', true, 'truncate'],
    ['ceph', true, 'truncate'],
    ['cifs', true, 'none'],
    ['9p', true, 'none'],
    ['fuse.sshfs', true, 'none'],
    ['ext4', false, 'none'],
    ['lustre', false, 'none'],
    [undefined, false, 'none'],
  ] as const;
  for (const [type, locksWork, journal] of table)
    assert.equal(decideJournal({ type, locksWork }).journal, journal, `${type} ${locksWork}`);
  const refused = decideJournal({ type: 'lustre', locksWork: false });
  assert.equal(refused.journal === 'none' && refused.why, 'file locks do not work on lustre');
});

test('the mount that holds a directory, by mountinfo', () => {
  const mountinfo = [
    '21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
    '22 21 0:40 / /home rw shared:1 master:2 - nfs4 server:/home rw',
    '23 22 0:41 / /home/u/with\\040space rw - fuse.sshfs host: rw',
    '24 21 0:42 / /over rw - tmpfs a rw',
    '25 24 0:43 / /over rw - fuse.bindfs b rw',
    'nonsense',
    '',
  ].join('\n');
  assert.equal(mountedType('/var', mountinfo), 'ext4');
  assert.equal(mountedType('/home', mountinfo), 'nfs4');
  assert.equal(mountedType('/homestead', mountinfo), 'ext4');
  assert.equal(mountedType('/home/u/with space/x', mountinfo), 'fuse.sshfs');
  assert.equal(mountedType('/over/x', mountinfo), 'fuse.bindfs');
  assert.equal(mountedType('/x', ''), undefined);
});

test('the kernel is asked, and an unknown or local type is none', requires('linux'), () => {
  assert.equal(fileSystemType('/dev/shm'), undefined);
});
