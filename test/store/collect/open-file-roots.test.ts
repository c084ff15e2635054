import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFileRoots, readOpenFileRoots } from '../../../ts/store/collect/open-file-roots.js';
import { readRuntimeRoots } from '../../../ts/store/collect/runtime-roots.js';
import { somePath, testDirectories } from '../../support/stores.js';
import { temporaryDirectory } from '../../support/temporary.js';

const directory = temporaryDirectory('open-files');
const directories = testDirectories(join(directory, 'root'));

/** In the form of `lsof -n -w -F n` on macOS: processes, descriptors, names. */
const output = `p1
fcwd
n/
p345
fcwd
n/Users/somebody
ftxt
n${somePath('a', 'bash-5.1')}/bin/bash
ftxt
n/usr/lib/dyld
f0
n/dev/ttys000
f3u
n->0x1c5b3b2f4d9e8a77
f4
n127.0.0.1:5432
f5
n${directories.realStoreDir}/${somePath('b', 'data').slice('/nix/store/'.length)}
f6
n/nix/store
f7
n/nix/store/.links/0123
f8
n/private${somePath('c', 'elsewhere')}
`;
const expected = [
  { link: '{lsof}', path: somePath('a', 'bash-5.1') },
  { link: '{lsof}', path: somePath('b', 'data') },
];

test('files that lsof names in the store are roots, by either name of the store', () => {
  assert.deepEqual([...openFileRoots(output, directories)], expected);
  assert.deepEqual([...openFileRoots('', directories)], []);
});

test('lsof is asked as Nix asks it, whatever its status; without it there are none', () => {
  const program = join(directory, 'lsof');
  writeFileSync(join(directory, 'output'), output);
  writeFileSync(program, `#!/bin/sh\n[ "$*" = "-n -w -F n" ] && cat '${directory}/output'\nexit 1\n`);
  chmodSync(program, 0o755);
  assert.deepEqual([...readOpenFileRoots(directories, program)], expected);
  assert.deepEqual([...readOpenFileRoots(directories, join(directory, 'none'))], []);
});

test('on macOS it is what running processes are asked by', (t) => {
  const program = join(directory, 'lsof-of-macos');
  writeFileSync(join(directory, 'output'), output);
  writeFileSync(program, `#!/bin/sh\ncat '${directory}/output'\n`);
  chmodSync(program, 0o755);
  const { platform } = process;
  t.after(() => Object.defineProperty(process, 'platform', { value: platform }));
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  assert.deepEqual([...readRuntimeRoots(directories, { lsof: program })], expected);
});
