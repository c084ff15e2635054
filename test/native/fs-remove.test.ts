import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { native } from '../../ts/native.js';
import { makeOddTree } from '../support/odd-tree.js';
import { longForm, requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const nativeModule = new URL('../../ts/native.js', import.meta.url).href;

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

test('an odd tree, a canonical one, and single files', async () => {
  const directory = temporaryDirectory('fs-remove');
  const tree = join(directory, 'tree');
  makeOddTree(tree);
  await native.removeTree(tree);
  makeOddTree(tree);
  await native.canonicaliseTree(tree);
  const { freed } = await native.removeTree(`${tree}/`);
  assert.ok(freed > 1_000_000 && freed < 10_000_000, String(freed));
  writeFileSync(tree, 'x'.repeat(5000), { mode: 0 });
  assert.ok((await native.removeTree(tree)).freed >= 4096);
  symlinkSync(directory, tree);
  await native.removeTree(tree);
  assert.deepEqual(readdirSync(directory), []);
});

test('what is missing is removed already', async () => {
  const directory = temporaryDirectory('fs-remove');
  const nothing = { freed: 0, likelyFreed: 0 };
  assert.deepEqual(await native.removeTree(join(directory, 'missing')), nothing);
  assert.deepEqual(await native.removeTree(join(directory, 'missing/below')), nothing);
  writeFileSync(join(directory, 'file'), '');
  await assert.rejects(native.removeTree(join(directory, 'file/below')), { code: 'ENOTDIR' });
  for (const path of ['/', '.', `${directory}/..`]) {
    await assert.rejects(native.removeTree(path), { code: 'EINVAL' });
  }
});

test('symlinks are removed, not followed; other names of a file stay and are not counted as freed', async () => {
  const directory = temporaryDirectory('fs-remove');
  const [tree, canary] = [join(directory, 'tree'), join(directory, 'canary')];
  mkdirSync(join(canary, 'inner'), { recursive: true });
  writeFileSync(join(canary, 'inner/file'), Buffer.alloc(1_000_000), { mode: 0o400 });
  mkdirSync(tree);
  symlinkSync('../canary', join(tree, 'relative'));
  symlinkSync(canary, join(tree, 'absolute'));
  linkSync(join(canary, 'inner/file'), join(tree, 'linked'));
  const { freed } = await native.removeTree(tree);
  assert.ok(freed < 100_000, String(freed));
  assert.equal(exists(tree), false);
  assert.equal(lstatSync(join(canary, 'inner/file')).mode & 0o777, 0o400);
});

test('a file with two other names frees nothing; one with a single one likely does, as Nix has it', async () => {
  const directory = temporaryDirectory('fs-remove');
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  for (const [name, length] of Object.entries({ one: 1000, two: 20_000, three: 300_000 }))
    writeFileSync(join(tree, name), 'x'.repeat(length));
  linkSync(join(tree, 'two'), join(directory, 'two'));
  for (const name of ['three', 'also-three']) linkSync(join(tree, 'three'), join(directory, name));
  assert.equal((await native.removeTree(tree)).likelyFreed, 21_000);
});

test('directories that allow nothing', async () => {
  const tree = join(temporaryDirectory('fs-remove'), 'tree');
  const levels = [tree, join(tree, 'a'), join(tree, 'a/b')];
  mkdirSync(levels[2]!, { recursive: true });
  writeFileSync(join(levels[2]!, 'file'), '');
  chmodSync(levels[2]!, 0o555);
  chmodSync(levels[1]!, 0);
  chmodSync(tree, 0o111);
  await native.removeTree(tree);
  assert.equal(exists(tree), false);
});

test('a tree much deeper than any path can be long', async () => {
  const directory = temporaryDirectory('fs-remove');
  const tree = join(directory, 'tree');
  // Made from the inside out: a deep tree is moved into one more level again and again.
  const depth = 1200;
  mkdirSync(tree);
  for (let i = 0; i < depth; i++) {
    mkdirSync(join(directory, 'outer'));
    writeFileSync(join(directory, 'outer/file'), '');
    renameSync(tree, join(directory, 'outer/a-name-of-some-length'));
    renameSync(join(directory, 'outer'), tree);
  }
  await native.removeTree(tree);
  assert.deepEqual(readdirSync(directory), []);
});

test('wide directories: more subdirectories than are remembered, and many files', async () => {
  const tree = join(temporaryDirectory('fs-remove'), 'tree');
  mkdirSync(tree);
  for (let i = 0; i < 4500; i++) mkdirSync(join(tree, `directory-${i}`));
  for (let i = 0; i < 1000; i++) writeFileSync(join(tree, `file-${i}`), '');
  await native.removeTree(tree);
  assert.equal(exists(tree), false);
});

test('a tree in a directory that is not writable stays', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root writes everywhere');
  const directory = join(temporaryDirectory('fs-remove'), 'directory');
  mkdirSync(join(directory, 'tree'), { recursive: true });
  chmodSync(directory, 0o555);
  await assert.rejects(native.removeTree(join(directory, 'tree')), { code: 'EACCES', syscall: 'rmdir' });
});

test('CVE-2025-46415: while somebody swaps directories for symlinks, nothing outside is touched', async () => {
  const directory = temporaryDirectory('fs-remove');
  const canary = join(directory, 'canary');
  mkdirSync(join(canary, 'inner'), { recursive: true });
  writeFileSync(join(canary, 'file'), 'alive');
  writeFileSync(join(canary, 'inner/file'), 'alive');
  const tree = join(directory, 'tree');
  const stop = new Int32Array(new SharedArrayBuffer(8));
  // A directory and a symlink to the canary change places as fast as the kernel can.
  const worker = new Worker(
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { workerData } from 'node:worker_threads';
        const { native } = await import(${JSON.stringify(nativeModule)});
        const { tree, stop } = workerData;
        while (!Atomics.load(stop, 0)) {
          try { native.moveTree(tree + '/d', tree + '/l', 'exchange'); Atomics.add(stop, 1, 1); } catch {}
          try { native.moveTree(tree + '/d/e', tree + '/l/e', 'exchange'); } catch {}
        }`)}`,
    ),
    { workerData: { tree, stop } },
  );
  try {
    // A machine that is busy otherwise gets through fewer rounds in the short form.
    const [rounds, deadline] = longForm ? [20_000, Infinity] : [2_000, performance.now() + 6_000];
    for (let i = 0; i < rounds && (i < 200 || performance.now() < deadline); i++) {
      mkdirSync(join(tree, 'd/e'), { recursive: true });
      writeFileSync(join(tree, 'd/file'), '');
      writeFileSync(join(tree, 'd/e/file'), '');
      symlinkSync(canary, join(tree, 'l'));
      await native.removeTree(tree);
      assert.equal(exists(tree), false);
    }
  } finally {
    Atomics.store(stop, 0, 1);
    await worker.terminate();
  }
  assert.ok(Atomics.load(stop, 1) > 100, `only ${Atomics.load(stop, 1)} swaps: no race at all`);
  assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'alive');
  assert.equal(readFileSync(join(canary, 'inner/file'), 'utf8'), 'alive');
});

test('every name is a single component and no symlink is followed', requires('program:strace'), () => {
  const directory = temporaryDirectory('fs-remove');
  const tree = makeOddTree(join(directory, 'tree'));
  const trace = join(directory, 'trace');
  const script = `
    const { native } = await import(${JSON.stringify(nativeModule)});
    await native.canonicaliseTree(${JSON.stringify(tree)});
    await native.removeTree(${JSON.stringify(tree)});`;
  const calls = 'trace=openat,openat2,unlinkat,newfstatat,fchmodat,utimensat,readlinkat,renameat,renameat2';
  execFileSync('strace', [
    '-f',
    '-o',
    trace,
    '-e',
    calls,
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]);
  const lines = readFileSync(trace, 'utf8').split('\n');
  const start = lines.findIndex((line) => line.includes('O_PATH') && line.includes(directory));
  assert.ok(start > 0);
  let seen = 0;
  for (const line of lines.slice(start + 1)) {
    const [, call, name] = /^\d+ +(\w+)\(\d+, "((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
    if (name === undefined || name === '') continue;
    seen++;
    assert.ok(!name.includes('/'), line);
    if (call === 'openat') assert.match(line, /O_NOFOLLOW/);
    if (call === 'newfstatat' || call === 'utimensat') assert.match(line, /AT_SYMLINK_NOFOLLOW/);
  }
  assert.ok(seen > 100, `${seen} calls`);
  assert.equal(existsSync(tree), false);
});
