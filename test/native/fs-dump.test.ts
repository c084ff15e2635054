import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  read,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { native } from '../../ts/native.js';
import { naiveNar } from '../support/naive-nar.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A FIFO, open at both ends without waiting for anybody. */
function makeFifo(path: string): { readEnd: number; writeEnd: number } {
  execFileSync('mkfifo', [path]);
  const readEnd = openSync(path, constants.O_RDWR);
  return { readEnd, writeEnd: openSync(path, 'w') };
}

test('through a socket that libuv has made non-blocking, to a slow reader', async () => {
  const file = join(temporaryDirectory('fs-dump'), 'file');
  writeFileSync(file, randomBytes(3_000_000));
  const script =
    "setTimeout(() => process.stdin.pipe(require('crypto').createHash('sha256').setEncoding('hex')).pipe(process.stdout), 300)";
  const reader = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  let printed = '';
  reader.stdout.on('data', (chunk) => (printed += chunk));
  const closed = new Promise((resolve) => reader.on('close', resolve));
  const { fd } = (reader.stdin as unknown as { _handle: { fd: number } })._handle;
  assert.equal(await native.dumpTree(file, fd), 3_000_000 + 112);
  reader.stdin.end();
  await closed;
  assert.equal(printed, sha256(naiveNar(file)));
});

test(
  'more dumps at once than libuv has threads, read through those',
  requires('program:mkfifo'),
  async (t) => {
    const directory = temporaryDirectory('fs-dump');
    const file = join(directory, 'file');
    writeFileSync(file, randomBytes(500_000));
    const expected = naiveNar(file);
    const copies = Array.from({ length: 12 }, async (_, i) => {
      const { readEnd, writeEnd } = makeFifo(join(directory, `fifo-${i}`));
      t.after(() => [readEnd, writeEnd].forEach(closeSync));
      const dumped = native.dumpTree(file, writeEnd);
      const bytes = Buffer.alloc(expected.length);
      for (let at = 0; at < bytes.length; ) {
        at += (await promisify(read)(readEnd, bytes, at, bytes.length - at, null)).bytesRead;
      }
      assert.equal(await dumped, bytes.length);
      assert.ok(bytes.equals(expected));
    });
    await Promise.all(copies);
  },
);

test('a pipe is filled in large writes', requires('linux', 'program:mkfifo'), async () => {
  const directory = temporaryDirectory('fs-dump');
  const file = join(directory, 'file');
  writeFileSync(file, '');
  truncateSync(file, 32 * 2 ** 20);
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  const reader = spawn('cat', [join(directory, 'fifo')], { stdio: ['ignore', 'ignore', 'inherit'] });
  const read = new Promise((resolve) => reader.on('close', resolve));
  const pipe = openSync(join(directory, 'fifo'), 'w');
  const writes = () => Number(/^syscw: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
  const before = writes();
  await native.dumpTree(file, pipe);
  const made = writes() - before;
  closeSync(pipe);
  await read;
  assert.ok(
    made < (32 * 2 ** 20) / 4096 / 2,
    `${made} writes of 32 MiB, where each page by itself would be 8,192`,
  );
});

test('a reader that has left is EPIPE, a wrong descriptor EBADF', requires('program:mkfifo'), async () => {
  const directory = temporaryDirectory('fs-dump');
  const { readEnd, writeEnd } = makeFifo(join(directory, 'fifo'));
  closeSync(readEnd);
  mkdirSync(join(directory, 'tree'));
  await assert.rejects(native.dumpTree(join(directory, 'tree'), writeEnd), {
    code: 'EPIPE',
    syscall: 'write',
  });
  closeSync(writeEnd);
  await assert.rejects(native.dumpTree(join(directory, 'tree'), 99_999), { code: 'EBADF' });
  const readOnly = openSync('/dev/null', 'r');
  await assert.rejects(native.dumpTree(join(directory, 'tree'), readOnly), {
    code: 'EBADF',
    syscall: 'write',
  });
  closeSync(readOnly);
  // What is behind it could be written to by another descriptor.
  const pipe = native.openPipe();
  await assert.rejects(native.dumpTree(join(directory, 'tree'), pipe.read), {
    code: 'EBADF',
    syscall: 'write',
  });
  closeSync(pipe.read);
  closeSync(pipe.write);
});

test('a tree that cannot be read to its end stops the dump', requires('program:mkfifo'), async () => {
  const directory = temporaryDirectory('fs-dump');
  writeFileSync(join(directory, 'a'), randomBytes(2_000_000));
  execFileSync('mkfifo', [join(directory, 'b')]);
  const fd = openSync('/dev/null', 'w');
  await assert.rejects(native.dumpTree(directory, fd), { code: 'EFTYPE', path: join(directory, 'b') });
  closeSync(fd);
});
