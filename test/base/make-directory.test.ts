import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectory } from '../../ts/base/make-directory.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('make-directory');
const modeOf = (path: string) => lstatSync(path).mode & 0o7777;

test('what is missing is made with the mode, and what is there stays as it is', () => {
  mkdirSync(join(directory, 'there'), { mode: 0o711 });
  makeDirectory(join(directory, 'there/a/b'), 0o1770);
  assert.deepEqual(
    ['there', 'there/a', 'there/a/b'].map((name) => modeOf(join(directory, name))),
    [0o711, 0o1770, 0o1770],
  );
  makeDirectory(join(directory, 'there/a'), 0o700);
  assert.equal(modeOf(join(directory, 'there/a')), 0o1770);
});

test('a file or a link to nowhere in the way is an error', () => {
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('nowhere', join(directory, 'link'));
  for (const [path, code] of [
    ['file/a', 'ENOTDIR'],
    ['file/a/b', 'ENOTDIR'],
    ['link/a', 'ENOENT'],
  ] as const) {
    assert.throws(() => makeDirectory(join(directory, path)), { code }, path);
  }
});

// Where node's own recursive mkdir never returns.
test('a file system that says ENOENT is believed', requires('linux'), () => {
  for (const path of ['/proc/none', '/proc/none/a', '/proc/none/a/b']) {
    assert.throws(() => makeDirectory(path), { code: 'ENOENT' });
  }
});
