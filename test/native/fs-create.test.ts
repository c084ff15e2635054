import assert from 'node:assert/strict';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { temporaryDirectory } from '../support/temporary.js';

test('files are made below an open directory, even when that has moved', () => {
  const directory = temporaryDirectory('fs-create');
  const root = native.openDirectory(directory);
  const inner = native.makeDirectoryAt(root, 'inner');
  native.moveTree(join(directory, 'inner'), join(directory, 'moved'), 'replace');
  symlinkSync('/nowhere', join(directory, 'inner'));
  const program = native.createFileAt(inner, 'program', true);
  writeSync(program, 'content');
  const plain = native.createFileAt(inner, Buffer.from([0xff]), false);
  native.symlinkAt('\udcfe', inner, 'link');
  for (const fd of [plain, program, inner, root]) closeSync(fd);
  const umask = process.umask();
  assert.equal(readFileSync(join(directory, 'moved/program'), 'utf8'), 'content');
  assert.equal(lstatSync(join(directory, 'moved/program')).mode & 0o7777, 0o777 & ~umask);
  assert.equal(
    lstatSync(Buffer.concat([Buffer.from(`${directory}/moved/`), Buffer.from([0xff])])).mode & 0o7777,
    0o666 & ~umask,
  );
  assert.deepEqual(readlinkSync(join(directory, 'moved/link'), { encoding: 'buffer' }), Buffer.from([0xfe]));
});

test('only single components that do not exist yet', () => {
  const directory = temporaryDirectory('fs-create');
  const root = native.openDirectory(directory);
  mkdirSync(join(directory, 'directory'));
  symlinkSync('canary', join(directory, 'dangling'));
  const makers = [
    (name: string) => native.makeDirectoryAt(root, name),
    (name: string) => native.createFileAt(root, name, false),
    (name: string) => native.symlinkAt('target', root, name),
  ];
  for (const make of makers) {
    for (const name of ['.', '..', 'a/b', '/a', 'a/', '../a'])
      assert.throws(() => make(name), { code: 'EINVAL' });
    for (const name of ['', 'a\0b']) assert.throws(() => make(name), TypeError);
    for (const name of ['directory', 'dangling'])
      assert.throws(() => make(name), { code: 'EEXIST', path: name });
    assert.throws(() => make('n'.repeat(256)), { code: 'ENAMETOOLONG' });
  }
  closeSync(root);
  assert.deepEqual(readdirSync(directory).sort(), ['dangling', 'directory']);
  assert.throws(() => native.openDirectory(join(directory, 'none')), { code: 'ENOENT', syscall: 'open' });
  assert.throws(() => native.makeDirectoryAt(99_999, 'name'), { code: 'EBADF' });
});
