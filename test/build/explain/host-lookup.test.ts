import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HostLookup } from '../../../ts/build/explain/host-lookup.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('host-lookup');
const far = join(directory, 'far');
mkdirSync(join(far, 'sub'), { recursive: true });
writeFileSync(join(far, 'file'), '');
symlinkSync('far/sub', join(directory, 'near'));
symlinkSync(`${directory}/near/..`, join(directory, 'nearer'));
symlinkSync('loop', join(directory, 'loop'));
const mountInfo = (point: string, type: string) =>
  `22 1 8:1 / / rw - ext4 /dev/sda1 rw\n40 22 0:45 / ${point} rw,relatime shared:9 - ${type} server:/ rw\n`;

/** What is asked elsewhere, and never answered. */
function gone(type: string, point = far) {
  const asked: string[] = [];
  const ask = (path: string) => {
    asked.push(path);
    return new Promise<never>(() => {});
  };
  return { asked, lookup: new HostLookup({ mountInfo: mountInfo(point, type), ask, milliseconds: 20 }) };
}

test('a server that is gone is asked once, by whatever way it is reached', async () => {
  for (const type of ['nfs4', 'fuse.sshfs', 'autofs']) {
    const { asked, lookup } = gone(type);
    const first = join(directory, 'nearer/file');
    assert.equal(await lookup.exists(first), false);
    for (const name of ['far', 'far/file', 'near', 'near/x', 'loop']) {
      assert.equal(await lookup.exists(join(directory, name)), false, name);
    }
    assert.deepEqual(asked, [first]);
    assert.equal(await lookup.exists(directory), true);
  }
});

test('what is on this machine is looked at here, and a root from elsewhere is this machine', async () => {
  for (const { asked, lookup } of [gone('ext4'), gone('9p', '/'), gone('nfs4', `${far}ther`)]) {
    for (const name of ['', 'far/file', 'near', 'nearer/file']) {
      assert.equal(await lookup.exists(join(directory, name)), true, name);
    }
    for (const name of ['none', 'far/file/x', 'loop', 'near/none', `${'x'.repeat(300)}`, 'a\0b']) {
      assert.equal(await lookup.exists(join(directory, name)), false, name);
    }
    assert.deepEqual(asked, []);
  }
});

test('a server that answers is believed', async () => {
  const lookup = new HostLookup({ mountInfo: mountInfo(far, 'nfs4'), milliseconds: 60_000 });
  assert.equal(await lookup.exists(join(far, 'file')), true);
  assert.equal(await lookup.exists(join(directory, 'near')), true);
  assert.equal(await lookup.exists(join(far, "'; exit 0; '")), false);
});
