import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { makeOddTree } from '../support/odd-tree.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Every file below and including `path`, as `[path, lstat]`. */
function* walk(path: Buffer): Generator<[string, ReturnType<typeof stat>]> {
  yield [path.toString('latin1'), stat(path)];
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path, { encoding: 'buffer' })) {
    yield* walk(Buffer.concat([path, Buffer.from('/'), name]));
  }
}

function stat(path: string | Buffer) {
  const { mode, mtimeNs, uid, ino, nlink, ctimeNs } = lstatSync(path, { bigint: true });
  return { mode: Number(mode), mtimeNs, uid: Number(uid), ino, nlink: Number(nlink), ctimeNs };
}

const uid = process.getuid!();

function assertCanonical(tree: string): void {
  for (const [path, { mode, mtimeNs, uid: owner }] of walk(Buffer.from(tree))) {
    const type = mode & 0o170000;
    if (type !== 0o120000) assert.ok([0o444, 0o555].includes(mode & 0o7777), `${path} ${mode.toString(8)}`);
    if (type === 0o040000) assert.equal(mode & 0o7777, 0o555, path);
    assert.equal(mtimeNs, 1_000_000_000n, path);
    assert.equal(owner, uid, path);
  }
}

test('modes and times of everything, content unchanged', async () => {
  const tree = makeOddTree(join(temporaryDirectory('fs-canonicalise'), 'tree'));
  chmodSync(join(tree, 'program'), 0o6751);
  chmodSync(join(tree, 'empty'), 0o7777);
  chmodSync(join(tree, 'file-8'), 0o066);
  const before = await native.hashTree(tree, []).catch(() => undefined);
  await native.canonicaliseTree(tree);
  assertCanonical(tree);
  assert.equal(lstatSync(join(tree, 'program')).mode & 0o7777, 0o555);
  assert.equal(lstatSync(join(tree, 'only-others-execute')).mode & 0o7777, 0o444);
  if (before) assert.deepEqual(await native.hashTree(tree, []), before);
  // Once more changes nothing at all, not even the time of the last change.
  const then = [...walk(Buffer.from(tree))].map(([path, { ctimeNs }]) => [
    path,
    lstatSync(Buffer.from(path, 'latin1')).isDirectory() ? 0n : ctimeNs,
  ]);
  await native.canonicaliseTree(tree);
  const now = [...walk(Buffer.from(tree))].map(([path, { ctimeNs }]) => [
    path,
    lstatSync(Buffer.from(path, 'latin1')).isDirectory() ? 0n : ctimeNs,
  ]);
  assert.deepEqual(now, then);
});

test('files and directories that allow nothing', async () => {
  const tree = join(temporaryDirectory('fs-canonicalise'), 'tree');
  mkdirSync(join(tree, 'closed/inner'), { recursive: true });
  writeFileSync(join(tree, 'closed/inner/file'), 'x');
  writeFileSync(join(tree, 'program'), 'x');
  symlinkSync('nowhere', join(tree, 'closed/link'));
  chmodSync(join(tree, 'program'), 0o100);
  chmodSync(join(tree, 'closed/inner/file'), 0);
  for (const name of ['closed/inner', 'closed', '']) chmodSync(join(tree, name), 0);
  await native.canonicaliseTree(tree);
  assertCanonical(tree);
  assert.equal(lstatSync(join(tree, 'program')).mode & 0o777, 0o555);
  assert.equal(lstatSync(join(tree, 'closed/inner/file')).mode & 0o777, 0o444);
});

test('a root that is a file or a symlink, which is not followed', async () => {
  const directory = temporaryDirectory('fs-canonicalise');
  const [file, link] = [join(directory, 'file'), join(directory, 'link')];
  writeFileSync(file, 'x', { mode: 0o640 });
  symlinkSync('file', link);
  await native.canonicaliseTree(link);
  assert.equal(lstatSync(file).mode & 0o777, 0o640);
  assert.equal(stat(link).mtimeNs, 1_000_000_000n);
  await native.canonicaliseTree(file);
  assertCanonical(file);
});

test('links within the tree stay links', async () => {
  const tree = join(temporaryDirectory('fs-canonicalise'), 'tree');
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  writeFileSync(join(tree, 'a/b/one'), 'x', { mode: 0o600 });
  linkSync(join(tree, 'a/b/one'), join(tree, 'two'));
  symlinkSync('t', join(tree, 'link-one'));
  linkSync(join(tree, 'link-one'), join(tree, 'a/link-two'));
  chmodSync(join(tree, 'two'), 0);
  const { ino } = stat(join(tree, 'two'));
  await native.canonicaliseTree(tree);
  assertCanonical(tree);
  assert.equal(stat(join(tree, 'two')).ino, ino);
  assert.equal(stat(join(tree, 'a/b/one')).ino, ino);
  assert.equal(stat(join(tree, 'two')).nlink, 2);
  assert.equal(stat(join(tree, 'link-one')).ino, stat(join(tree, 'a/link-two')).ino);
});

test('a file with a name outside is replaced by a copy, and the outside stays as it was', async () => {
  const directory = temporaryDirectory('fs-canonicalise');
  const tree = join(directory, 'tree');
  mkdirSync(join(tree, 'sub'), { recursive: true });
  const [canary, link] = [join(directory, 'canary'), join(directory, 'canary-link')];
  writeFileSync(canary, 'canary', { mode: 0o755 });
  symlinkSync('target', link);
  utimesSync(canary, 1000, 1000);
  linkSync(canary, join(tree, 'one'));
  linkSync(canary, join(tree, 'sub/two'));
  linkSync(link, join(tree, 'link'));
  chmodSync(join(tree, 'sub'), 0o555);
  chmodSync(tree, 0o555);
  const [fileBefore, linkBefore] = [stat(canary), stat(link)];

  await native.canonicaliseTree(tree);

  const unchanged = ({ mode, mtimeNs, ino, uid: owner }: ReturnType<typeof stat>) => [
    mode,
    mtimeNs,
    ino,
    owner,
  ];
  assert.deepEqual(unchanged(stat(canary)), unchanged(fileBefore));
  assert.deepEqual(unchanged(stat(link)), unchanged(linkBefore));
  assert.equal(stat(canary).nlink, 1);
  assert.equal(stat(link).nlink, 1);
  assertCanonical(tree);
  assert.deepEqual(readdirSync(tree).sort(), ['link', 'one', 'sub']);
  assert.deepEqual(readdirSync(join(tree, 'sub')), ['two']);
  assert.equal(readFileSync(join(tree, 'sub/two'), 'utf8'), 'canary');
  assert.equal(lstatSync(join(tree, 'one')).mode & 0o777, 0o555);
  assert.equal(readlinkSync(join(tree, 'link')), 'target');

  // The root itself may be such a file.
  linkSync(canary, join(directory, 'file'));
  await native.canonicaliseTree(join(directory, 'file'));
  assert.deepEqual(unchanged(stat(canary)), unchanged(fileBefore));
  assertCanonical(join(directory, 'file'));
});

test('extended attributes and access control lists go', requires('linux', 'program:python3'), async (t) => {
  const tree = join(temporaryDirectory('fs-canonicalise'), 'tree');
  mkdirSync(join(tree, 'sub'), { recursive: true });
  writeFileSync(join(tree, 'sub/file'), 'x');
  writeFileSync(join(tree, 'sub/program'), 'x', { mode: 0o755 });
  const files = ['', 'sub', 'sub/file', 'sub/program'].map((name) => join(tree, name));
  // Without setfattr(1) and setfacl(1): an access control list is an attribute with version 2 and entries of tag,
  // permissions and id. This one lets user 1 do everything.
  const set = `
import os, struct, sys
acl = struct.pack('<I', 2)
for tag, permissions, who in (1, 7, -1), (2, 7, 1), (4, 5, -1), (16, 7, -1), (32, 5, -1):
    acl += struct.pack('<HHi', tag, permissions, who)
for path in sys.argv[1:]:
    os.setxattr(path, 'user.one', b'1')
    os.setxattr(path, 'user.' + 'x' * 200, b'2')
    os.setxattr(path, 'system.posix_acl_access', acl)
    if os.path.isdir(path): os.setxattr(path, 'system.posix_acl_default', acl)`;
  if (spawnSync('python3', ['-c', set, ...files]).status !== 0) return t.skip('not on this file system');
  chmodSync(join(tree, 'sub/file'), 0o444);
  await native.canonicaliseTree(tree);
  assertCanonical(tree);
  const list = 'import os, sys; print([os.listxattr(path) for path in sys.argv[1:]])';
  const left = execFileSync('python3', ['-c', list, ...files], { encoding: 'utf8' });
  assert.equal(left, '[[], [], [], []]\n');
  assert.equal(lstatSync(join(tree, 'sub/program')).mode & 0o777, 0o555);
});

test('as root: files of others become the caller’s', requires('root'), async () => {
  const tree = makeOddTree(join(temporaryDirectory('fs-canonicalise'), 'tree'));
  for (const name of ['', 'a', 'program', 'empty']) chownSync(join(tree, name), 1, 1);
  await native.canonicaliseTree(tree);
  assertCanonical(tree);
});

test('a mount point in the tree is not entered', requires('user-namespaces'), () => {
  const directory = temporaryDirectory('fs-canonicalise');
  mkdirSync(join(directory, 'tree/mounted'), { recursive: true });
  mkdirSync(join(directory, 'outside'));
  writeFileSync(join(directory, 'outside/canary'), 'x', { mode: 0o640 });
  const script = `
    const { native } = await import(${JSON.stringify(new URL('../../ts/native.js', import.meta.url).href)});
    for (const operation of ['canonicaliseTree', 'removeTree']) {
      await native[operation]('tree').then(() => { throw new Error('accepted'); }, (error) => console.log(error.code));
    }`;
  const shell = 'mount --bind outside tree/mounted && exec "$0" --input-type=module -e "$1"';
  const printed = execFileSync('unshare', ['-Ur', '--mount', 'sh', '-c', shell, process.execPath, script], {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.equal(printed, 'EXDEV\nEXDEV\n');
  assert.equal(lstatSync(join(directory, 'outside/canary')).mode & 0o777, 0o640);
});

test('as Nix does it', requires('program:nix-store'), async () => {
  const directory = temporaryDirectory('fs-canonicalise');
  const tree = makeOddTree(join(directory, 'tree'));
  chmodSync(join(tree, 'program'), 0o4710);
  const store = join(directory, 'root');
  const path = execFileSync(
    'nix-store',
    ['--store', store, '--option', 'substitute', 'false', '--add', tree],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  ).trim();
  const theirs = [...walk(Buffer.from(join(store, path)))];
  await native.canonicaliseTree(tree);
  const shape = (root: string, files: Iterable<[string, ReturnType<typeof stat>]>) =>
    [...files].map(([file, { mode, mtimeNs }]) => [file.slice(root.length), mode, mtimeNs]).sort();
  assert.deepEqual(shape(tree, walk(Buffer.from(tree))), shape(join(store, path), theirs));
});
