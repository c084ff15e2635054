import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { dumpTree, type NarTree } from '../../ts/formats/nar/tree.js';
import { FakeHost } from './fake-host.js';

const file = (text: string, executable = false): NarTree => ({
  type: 'regular',
  executable,
  contents: Buffer.from(text),
});
const directory = (entries: Record<string, NarTree>): NarTree => ({
  type: 'directory',
  entries: new Map(Object.entries(entries)),
});
const tree = directory({
  bin: directory({ hello: file('#!/bin/sh\n', true), 'odd\x1b[2J': file('') }),
  empty: directory({}),
  readme: file('read me\n'),
  link: { type: 'symlink', target: 'bin/hello' },
});
const nar = dumpTree(tree);

let root = '';
let host = new FakeHost();
before(() => {
  root = mkdtempSync(join(tmpdir(), 'airplant-nar-'));
  writeFileSync(join(root, 'x.nar'), nar);
});
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  host = new FakeHost();
  host.cwd = root;
  host.input = [nar.subarray(0, 100), nar.subarray(100)];
});

test('ls: the entries of a directory, everything, one file, as JSON', async () => {
  assert.equal((await host.run('nar', 'ls', 'x.nar')).stdout, './bin\n./empty\n./link\n./readme\n');
  assert.equal((await host.run('nar', 'ls', '-', '/bin/')).stdout, './bin/hello\n./bin/odd\x1b[2J\n');
  assert.equal(
    (await host.run('nar', 'ls', '-Rl', 'x.nar')).stdout,
    `dr-xr-xr-x                    0 .
dr-xr-xr-x                    0 ./bin
-r-xr-xr-x                   10 ./bin/hello
-r--r--r--                    0 ./bin/odd\x1b[2J
dr-xr-xr-x                    0 ./empty
lrwxrwxrwx                    0 ./link -> bin/hello
-r--r--r--                    8 ./readme
`,
  );
  assert.equal((await host.run('nar', 'ls', 'x.nar', 'readme')).stdout, './readme\n');
  assert.equal((await host.run('nar', 'ls', 'x.nar', 'empty')).stdout, '');
  const listing = JSON.parse((await host.run('nar', 'ls', '--json', 'x.nar')).stdout) as { version: number };
  assert.equal(listing.version, 1);
});

test('ls: names do nothing to a terminal', async () => {
  host.stdoutIsTTY = true;
  assert.equal((await host.run('nar', 'ls', 'x.nar', 'bin')).stdout, './bin/hello\n./bin/odd\n');
});

test('cat', async () => {
  assert.equal((await host.run('nar', 'cat', 'x.nar', './bin/hello')).stdout, '#!/bin/sh\n');
  assert.equal((await host.run('nar', 'cat', '-', 'readme')).stdout, 'read me\n');
});

const wrong: readonly [argv: string[], message: RegExp][] = [
  [['ls', 'x.nar', 'nothing'], /'nothing' is not in the archive/],
  [['cat', 'x.nar', 'nothing'], /'nothing' is not in the archive/],
  [['cat', 'x.nar', 'bin'], /'bin' in the archive is a directory/],
  [['cat', '-', 'link'], /'link' in the archive is a symlink/],
  [['ls', 'missing.nar'], /missing\.nar' cannot be read: ENOENT/],
];
for (const [argv, message] of wrong) {
  test(`refused: ${argv.join(' ')}`, async () => {
    const { status, stderr } = await host.run('nar', ...argv);
    assert.equal(status, 1);
    assert.match(stderr, message);
  });
}

test('restore', async () => {
  assert.equal((await host.run('nar', 'restore', 'out')).status, 0);
  assert.equal(readFileSync(join(root, 'out/readme'), 'utf8'), 'read me\n');
  assert.equal(readlinkSync(join(root, 'out/link')), 'bin/hello');
  assert.ok(statSync(join(root, 'out/bin/hello')).mode & 0o100);
  assert.equal(statSync(join(root, 'out/readme')).mode & 0o111, 0);
  assert.ok(statSync(join(root, 'out/empty')).isDirectory());
});

test('restore: never over something, and nothing is left of a damaged archive', async () => {
  writeFileSync(join(root, 'there'), 'mine');
  const { status, stderr } = await host.run('nar', 'restore', 'there');
  assert.equal(status, 1);
  assert.match(stderr, /'.*there' exists already/);
  assert.equal(readFileSync(join(root, 'there'), 'utf8'), 'mine');
  for (let length = 0; length < nar.length; length += 40) {
    host.input = [nar.subarray(0, length)];
    assert.equal((await host.run('nar', 'restore', 'damaged')).status, 1);
    assert.equal(existsSync(join(root, 'damaged')), false, `cut at ${length}`);
  }
});

test('dump: not to a terminal', async () => {
  host.stdoutIsTTY = true;
  assert.equal((await host.run('nar', 'dump', '.')).status, 2);
});

test('symlinks are followed inside the archive, and never out of it', async () => {
  const odd = directory({
    bin: directory({ hello: file('hello\n'), up: { type: 'symlink', target: '../lib' } }),
    lib: directory({ deep: file('deep\n'), loop: { type: 'symlink', target: 'loop' } }),
    out: { type: 'symlink', target: '../../etc/passwd' },
    absolute: { type: 'symlink', target: '/etc/passwd' },
  });
  writeFileSync(join(root, 'odd.nar'), dumpTree(odd));
  assert.equal((await host.run('nar', 'cat', 'odd.nar', 'bin/up/deep')).stdout, 'deep\n');
  assert.equal((await host.run('nar', 'ls', 'odd.nar', 'bin/up')).stdout, './bin/up\n');
  assert.equal((await host.run('nar', 'ls', 'odd.nar', 'bin/up/.')).stdout, './bin/up\n');
  assert.equal((await host.run('nar', 'ls', 'odd.nar', 'bin/up/loop/../../..')).status, 1);
  for (const path of ['out', 'absolute', 'lib/loop', '../x', 'bin/../../x', 'bin/hello/x']) {
    const { status, stdout, stderr } = await host.run('nar', 'cat', 'odd.nar', path);
    assert.deepEqual([status, stdout], [1, ''], path);
    assert.match(stderr, /leads? (out of|through too many)|is not in the archive/);
  }
});

test('a directory is listed and read as the archive it would make', async () => {
  assert.equal((await host.run('nar', 'restore', 'as-tree')).status, 0);
  for (const argv of [['-R'], ['-Rl'], ['--json']]) {
    const { stdout } = await host.run('nar', 'ls', ...argv, 'as-tree');
    assert.equal(stdout, (await host.run('nar', 'ls', ...argv, 'x.nar')).stdout);
  }
  assert.equal((await host.run('nar', 'cat', 'as-tree', 'link')).stdout, '#!/bin/sh\n');
});
