import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Two directories to move between, and a canonical tree in the first. */
async function makePlaces(): Promise<{ from: string; to: string; tree: string }> {
  const directory = temporaryDirectory('fs-move');
  const [from, to] = [join(directory, 'from'), join(directory, 'to')];
  for (const place of [from, to]) mkdirSync(place);
  const tree = join(from, 'tree');
  mkdirSync(tree);
  writeFileSync(join(tree, 'file'), 'tree');
  await native.canonicaliseTree(tree);
  return { from, to, tree };
}

test('a read-only directory is moved, and its mode and time stay', async () => {
  const { from, to, tree } = await makePlaces();
  native.moveTree(tree, join(to, 'moved'), 'no-replace');
  const { mode, mtimeMs } = lstatSync(join(to, 'moved'));
  assert.deepEqual([mode & 0o7777, mtimeMs], [0o555, 1000]);
  native.moveTree(join(to, 'moved'), tree, 'replace');
  assert.equal(lstatSync(tree).mode & 0o7777, 0o555);
  assert.deepEqual(readdirSync(to), []);
  assert.deepEqual(readdirSync(from), ['tree']);
});

test('exchange swaps two trees of any type', async () => {
  const { to, tree } = await makePlaces();
  const other = join(to, 'other');
  mkdirSync(other);
  await native.canonicaliseTree(other);
  native.moveTree(tree, other, 'exchange');
  assert.equal(readFileSync(join(other, 'file'), 'utf8'), 'tree');
  assert.deepEqual(readdirSync(tree), []);
  for (const path of [tree, other]) assert.equal(lstatSync(path).mode & 0o7777, 0o555);
  symlinkSync('nowhere', join(to, 'link'));
  native.moveTree(other, join(to, 'link'), 'exchange');
  assert.ok(lstatSync(other).isSymbolicLink());
  assert.throws(() => native.moveTree(other, join(to, 'missing'), 'exchange'), { code: 'ENOENT' });
});

test('no-replace refuses whatever is there, replace what rename(2) refuses', async () => {
  const { to, tree } = await makePlaces();
  const target = join(to, 'target');
  const kinds = [
    () => mkdirSync(target),
    () => writeFileSync(target, ''),
    () => symlinkSync('nowhere', target),
  ];
  for (const make of kinds) {
    make();
    assert.throws(() => native.moveTree(tree, target, 'no-replace'), {
      code: 'EEXIST',
      syscall: 'rename',
      path: target,
    });
    await native.removeTree(target);
  }
  mkdirSync(target);
  writeFileSync(join(target, 'file'), 'mine');
  assert.throws(() => native.moveTree(tree, target, 'replace'), { code: 'ENOTEMPTY' });
  assert.equal(lstatSync(tree).mode & 0o7777, 0o555, 'the mode is restored after a failure');
  assert.throws(() => native.moveTree(tree, join(tree, 'inside'), 'replace'), { code: 'EINVAL' });
  assert.throws(() => native.moveTree(tree, target, 'over' as 'replace'), TypeError);
});

test('a target directory that is not writable is EACCES, and nothing has changed', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root writes everywhere');
  const { to, tree } = await makePlaces();
  chmodSync(to, 0o555);
  assert.throws(() => native.moveTree(tree, join(to, 'moved'), 'replace'), { code: 'EACCES' });
  assert.equal(lstatSync(tree).mode & 0o7777, 0o555);
});

test('another file system is EXDEV', requires('user-namespaces'), () => {
  const directory = temporaryDirectory('fs-move');
  mkdirSync(join(directory, 'other'));
  mkdirSync(join(directory, 'tree'));
  const script = `
    const { native } = await import(${JSON.stringify(new URL('../../ts/native.js', import.meta.url).href)});
    for (const how of ['replace', 'no-replace'])
      try { native.moveTree('tree', 'other/tree', how); } catch (error) { console.log(error.code); }`;
  const shell = 'mount -t tmpfs tmpfs other && exec "$0" --input-type=module -e "$1"';
  const printed = execFileSync('unshare', ['-Ur', '--mount', 'sh', '-c', shell, process.execPath, script], {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.equal(printed, 'EXDEV\nEXDEV\n');
});

test('without renameat2 and openat2 the same happens', requires('program:strace'), async () => {
  const { to, tree } = await makePlaces();
  writeFileSync(join(to, 'file'), '');
  const script = `
    const { native } = await import(${JSON.stringify(new URL('../../ts/native.js', import.meta.url).href)});
    const attempt = (from, to, how) => {
      try { native.moveTree(from, to, how); return 'done'; } catch (error) { return error.code; }
    };
    const [tree, to] = process.argv.slice(1);
    console.log(attempt(tree, to + '/file', 'no-replace'));
    console.log(attempt(to + '/file', tree, 'no-replace'));
    console.log(attempt(to + '/file', to + '/file2', 'no-replace'));
    console.log(attempt(tree, to + '/file2', 'exchange'));
    console.log(attempt(tree, to + '/moved', 'no-replace'));
    await native.canonicaliseTree(to + '/moved');
    await native.removeTree(to + '/moved');`;
  for (const errno of ['ENOSYS', 'EINVAL']) {
    const inject = ['-e', `inject=renameat2:error=${errno}`, '-e', 'inject=openat2:error=ENOSYS'];
    const command = [...inject, process.execPath, '--input-type=module', '-e', script, tree, to];
    const printed = execFileSync('strace', ['-f', '-qq', '-o', '/dev/null', ...command], {
      encoding: 'utf8',
    });
    assert.equal(printed, `EEXIST\nEEXIST\ndone\n${errno}\ndone\n`);
    assert.deepEqual(readdirSync(to), ['file2']);
    native.moveTree(join(to, 'file2'), join(to, 'file'), 'replace');
    mkdirSync(tree);
  }
});
