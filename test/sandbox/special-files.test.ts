import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { native } from '../../ts/native.js';
import { findSpecialFile, specialKind } from '../../ts/sandbox/special-files.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const directory = temporaryDirectory('special');
const memory = join(directory, 'memory');
const nothing = new Uint8Array();

function tree(name: string): string {
  const root = join(directory, name);
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/file'), '');
  symlinkSync('/dev/null', join(root, 'a/link'));
  return root;
}

test(
  'files, directories and symlinks are ordinary, a FIFO deep down is not',
  requires('program:mkfifo'),
  async () => {
    const root = tree('fifo');
    assert.equal(await findSpecialFile(root, memory), undefined);
    execFileSync('mkfifo', [join(root, 'a/b/fifo')]);
    assert.equal(await findSpecialFile(root, memory), join(root, 'a/b/fifo'));
    assert.equal(specialKind(lstatSync(join(root, 'a/b/fifo'))), 'a FIFO');
  },
);

test('a socket somebody listens on', async () => {
  const root = tree('socket');
  const path = join(root, 'a/socket');
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    assert.equal(await findSpecialFile(root, memory), path);
  } finally {
    server.close();
  }
});

test('a socket mounted over a file, as containers get them', requires('user-namespaces'), async () => {
  const root = tree('mounted');
  const path = join(directory, 'outside');
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  const program = `import(${JSON.stringify(new URL('../../ts/sandbox/special-files.js', import.meta.url))})
    .then(({ findSpecialFile }) => findSpecialFile(${JSON.stringify(root)}, ${JSON.stringify(memory)}))
    .then((found) => console.log(found))`;
  const found = execFileSync(
    'unshare',
    [
      ...[
        '--user',
        '--map-root-user',
        '--mount',
        'sh',
        '-c',
        'mount --bind "$1" "$2" && exec "$3" -e "$4"',
        'sh',
      ],
      ...[path, join(root, 'a/file'), process.execPath, program],
    ],
    { encoding: 'utf8' },
  );
  server.close();
  assert.equal(found.trim(), join(root, 'a/file'));
});

test('/dev holds devices', requires('linux'), async () => {
  assert.match((await findSpecialFile('/dev', memory)) ?? '', /^\/dev\//);
});

test('a second search reads only what has changed, and misses nothing', async () => {
  const root = tree('again');
  // Directories that changed within the last two seconds are always read again.
  const old = async () => {
    await new Promise((resolve) => setTimeout(resolve, 2100));
    return (await native.findSpecialFile(root, nothing)).directories;
  };
  const before = await old();
  assert.ok(before.length > 0);
  assert.deepEqual((await native.findSpecialFile(root, before)).found, undefined);
  const fifo = (path: string) => execFileSync('mkfifo', [join(root, path)]);

  fifo('a/b/fifo');
  assert.equal((await native.findSpecialFile(root, before)).found, 'a/b/fifo');
  rmSync(join(root, 'a/b/fifo'));
  mkdirSync(join(root, 'new/deep'), { recursive: true });
  fifo('new/deep/fifo');
  assert.equal((await native.findSpecialFile(root, before)).found, 'new/deep/fifo');
  rmSync(join(root, 'new'), { recursive: true });
  // One directory in the place of another.
  mkdirSync(join(root, 'other'));
  fifo('other/fifo');
  renameSync(join(root, 'a/b'), join(root, 'a/c'));
  renameSync(join(root, 'other'), join(root, 'a/b'));
  assert.equal((await native.findSpecialFile(root, before)).found, 'a/b/fifo');
});

const notRoot = process.getuid?.() === 0 ? 'root may read everything' : false;
test('what may be searched but not read is an error, what may be neither is passed over', {
  skip: notRoot,
}, async () => {
  const root = tree('closed');
  chmodSync(join(root, 'a'), 0o100);
  await assert.rejects(findSpecialFile(root, memory), { code: 'EACCES', path: join(root, 'a') });
  chmodSync(join(root, 'a'), 0);
  assert.equal(await findSpecialFile(root, memory), undefined);
  chmodSync(join(root, 'a'), 0o700);
});

test('what was passed over is searched once it is open', { skip: notRoot }, async () => {
  const root = tree('opened');
  execFileSync('mkfifo', [join(root, 'a/b/fifo')]);
  const search = async (before: Uint8Array) => await native.findSpecialFile(root, before);
  chmodSync(join(root, 'a/b'), 0);
  // Nothing is remembered of what has just changed.
  await new Promise((resolve) => setTimeout(resolve, 2100));
  const { found, directories } = await search(nothing);
  assert.equal(found, undefined);
  const again = await search(directories);
  assert.equal(again.found, undefined, 'it is closed still');
  // The directory above is what it was.
  chmodSync(join(root, 'a/b'), 0o700);
  assert.equal((await search(directories)).found, 'a/b/fifo');
  assert.equal((await search(again.directories)).found, 'a/b/fifo');
});

test('a tree of many directories is remembered', async () => {
  const root = join(directory, 'many');
  for (let index = 0; index < 2000; index++)
    mkdirSync(join(root, `directory-${index}`, 'x'), { recursive: true });
  const own = join(directory, 'memory of its own');
  assert.equal(await findSpecialFile(root, own), undefined);
  const [file] = readdirSync(own).map((name) => join(own, name));
  await new Promise((resolve) => setTimeout(resolve, 2100));
  assert.equal(await findSpecialFile(root, own), undefined);

  // Damaged, it costs time only: what it lacks is not passed over.
  const fifo = join(root, 'directory-1999/x/fifo');
  execFileSync('mkfifo', [fifo]);
  const whole = readFileSync(file!);
  for (const damage of [
    whole.subarray(0, 40_000),
    whole.subarray(0, 20),
    Buffer.from(whole).fill(7, 500, 50_000),
  ]) {
    writeFileSync(file!, damage);
    assert.equal(await findSpecialFile(root, own), fifo);
  }
  writeFileSync(file!, whole);
  assert.equal(await findSpecialFile(root, own), fifo);
  assert.equal(await findSpecialFile(tree('small'), own), undefined);
  assert.equal(readdirSync(own).length, 1);
});
