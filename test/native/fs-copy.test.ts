import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

test('a copy has the same NAR and shares no inode', async () => {
  const directory = temporaryDirectory('fs-copy');
  const [tree, copy] = [makeOddTree(join(directory, 'tree')), join(directory, 'copy')];
  const hash = await native.hashTree(tree, []);
  await native.copyTree(tree, copy);
  assert.deepEqual(await native.hashTree(copy, []), hash);
  assert.equal(lstatSync(join(copy, 'file-9')).nlink, 1);
  assert.notEqual(lstatSync(join(copy, 'file-9')).ino, lstatSync(join(tree, 'file-9')).ino);

  // Also of a canonical tree, and the copy is writable again.
  await native.canonicaliseTree(tree);
  await native.copyTree(tree, join(directory, 'again'));
  assert.deepEqual(await native.hashTree(join(directory, 'again'), []), hash);
  writeFileSync(join(directory, 'again/new'), '');
});

test('roots that are files or symlinks', async () => {
  const directory = temporaryDirectory('fs-copy');
  writeFileSync(join(directory, 'file'), 'x', { mode: 0o500 });
  chmodSync(join(directory, 'file'), 0o4510);
  symlinkSync('file', join(directory, 'link'));
  await native.copyTree(join(directory, 'file'), join(directory, 'file-copy'));
  await native.copyTree(join(directory, 'link'), join(directory, 'link-copy'));
  assert.equal(lstatSync(join(directory, 'file-copy')).mode & 0o7100, 0o100);
  assert.equal(readlinkSync(join(directory, 'link-copy')), 'file');
});

test('holes stay holes, and data anywhere in them is found', async () => {
  const directory = temporaryDirectory('fs-copy');
  const file = join(directory, 'sparse');
  const fd = openSync(file, 'w');
  const island = randomBytes(100_000);
  for (const at of [5_000_000, 20_000_001, 39_900_000]) writeSync(fd, island, 0, island.length, at);
  closeSync(fd);
  truncateSync(file, 41_000_000);
  await native.copyTree(file, join(directory, 'copy'));
  assert.ok(readFileSync(join(directory, 'copy')).equals(readFileSync(file)));
  const { blocks, size } = lstatSync(join(directory, 'copy'));
  assert.equal(size, 41_000_000);
  // File systems differ in how much they give to a little data.
  assert.ok(blocks * 512 < size / 2, `${blocks} blocks`);
});

test('an existing target is refused and stays as it is, dangling symlinks too', async () => {
  const directory = temporaryDirectory('fs-copy');
  const sources = ['file', 'tree', 'link'].map((name) => join(directory, name)) as [string, string, string];
  writeFileSync(sources[0], 'x');
  mkdirSync(sources[1]);
  writeFileSync(join(sources[1], 'inner'), 'x');
  symlinkSync('elsewhere', sources[2]);
  const [target, canary] = [join(directory, 'target'), join(directory, 'canary')];
  const targets = [
    () => symlinkSync(canary, target),
    () => writeFileSync(target, 'mine'),
    () => mkdirSync(target),
    () => linkSync(sources[0], target),
  ];
  for (const source of sources) {
    for (const make of targets) {
      make();
      const before = lstatSync(target).ino;
      await assert.rejects(native.copyTree(source, target), { code: 'EEXIST' });
      assert.equal(lstatSync(target).ino, before);
      assert.ok(!readdirSync(directory).includes('canary'));
      await native.removeTree(target);
    }
  }
});

test('nothing is left of a copy that failed', requires('program:mkfifo'), async () => {
  const directory = temporaryDirectory('fs-copy');
  const tree = makeOddTree(join(directory, 'tree'));
  execFileSync('mkfifo', [join(tree, 'zz-last')]);
  await assert.rejects(native.copyTree(tree, join(directory, 'copy')), {
    code: 'EFTYPE',
    path: join(tree, 'zz-last'),
  });
  assert.deepEqual(readdirSync(directory), ['tree']);
  await assert.rejects(native.copyTree(join(directory, 'none'), join(directory, 'copy')), { code: 'ENOENT' });
  await assert.rejects(native.copyTree(tree, join(directory, 'none/copy')), { code: 'ENOENT' });
  assert.deepEqual(readdirSync(directory), ['tree']);
});

test('a full disk leaves nothing behind', requires('user-namespaces'), () => {
  const directory = temporaryDirectory('fs-copy');
  mkdirSync(join(directory, 'small'));
  mkdirSync(join(directory, 'tree'));
  writeFileSync(join(directory, 'tree/a'), 'x');
  writeFileSync(join(directory, 'tree/b'), randomBytes(3_000_000));
  const script = `
    const { native } = await import(${JSON.stringify(new URL('../../ts/native.js', import.meta.url).href)});
    const { readdirSync } = await import('node:fs');
    await native.copyTree('tree', 'small/copy').catch((error) => console.log(error.code));
    console.log(readdirSync('small').length);`;
  const shell = 'mount -t tmpfs -o size=1m tmpfs small && exec "$0" --input-type=module -e "$1"';
  const printed = execFileSync('unshare', ['-Ur', '--mount', 'sh', '-c', shell, process.execPath, script], {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.equal(printed, 'ENOSPC\n0\n');
});
