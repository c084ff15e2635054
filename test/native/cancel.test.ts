import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const nativeModule = new URL('../../ts/native.js', import.meta.url).href;

// Reading one of these takes an hour or more: whatever resolves or rejects in a test has been stopped.
const huge = 8 * 2 ** 40;

function hugeFile(path: string): string {
  writeFileSync(path, '');
  truncateSync(path, huge);
  return path;
}

/** Threads of this process, once there are no more than that or those that are ending have had long enough. */
async function threads(expected = 0): Promise<number> {
  const count = () => readdirSync('/proc/self/task').length;
  const deadline = Date.now() + (expected > 0 ? 10_000 : 0);
  do await sleep(50);
  while (count() > expected && Date.now() < deadline);
  return count();
}

/** What has been read of a file by this process; that threads stop is seen by it. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

/** Aborts once the work has read something; the reason is what it must reject with. */
async function stopped(start: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const reason = new Error('enough');
  const [before, threadsBefore] = [bytesRead(), await threads()];
  const work = start(controller.signal);
  const rejected = assert.rejects(work, (error) => error === reason);
  while (bytesRead() - before < 4 * 2 ** 20) await sleep(2);
  controller.abort(reason);
  await rejected;
  const after = bytesRead();
  assert.ok((await threads(threadsBefore)) <= threadsBefore, 'no thread is left');
  assert.ok(bytesRead() - after < 2 ** 20, 'nothing reads on');
}

test('hashTree stops in the middle of a file', requires('linux'), async () => {
  const file = hugeFile(join(temporaryDirectory('cancel'), 'huge'));
  await stopped((signal) => native.hashTree(file, ['0'.repeat(32)], { signal }));
  await stopped((signal) => native.hashTree(file, [], { signal, algorithm: 'md5' }));
});

test('rewriteTree stops in the middle of a file', requires('linux'), async () => {
  const file = hugeFile(join(temporaryDirectory('cancel'), 'huge'));
  await stopped((signal) => native.rewriteTree(file, [['0'.repeat(32), '1'.repeat(32)]], [], { signal }));
});

test(
  'dumpTree stops in the middle of a file, and while nobody reads',
  requires('linux', 'program:mkfifo'),
  async () => {
    const directory = temporaryDirectory('cancel');
    const file = hugeFile(join(directory, 'huge'));
    const fd = openSync('/dev/null', 'w');
    await stopped((signal) => native.dumpTree(file, fd, { signal }));
    closeSync(fd);
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    const fifo = openSync(join(directory, 'fifo'), constants.O_RDWR);
    const controller = new AbortController();
    const stuck = native.dumpTree(file, fifo, { signal: controller.signal });
    await sleep(20);
    controller.abort();
    await assert.rejects(stuck, { name: 'AbortError' });
    closeSync(fifo);
  },
);

function manyFiles(directory: string, count: number): string {
  const tree = join(directory, `tree-${count}`);
  mkdirSync(tree);
  for (let i = 0; i < count; i++) writeFileSync(join(tree, String(i).padStart(5, '0')), '');
  return tree;
}

/** Gives work ever more to do, until it takes longer than the abort takes to come on a machine that is busy. */
async function cancelled(start: (count: number) => Promise<unknown>): Promise<void> {
  for (const count of [20_000, 80_000, 320_000]) {
    const ending = await start(count).then(
      () => undefined,
      (error: Error) => error,
    );
    if (!ending) continue;
    assert.equal(ending.name, 'AbortError');
    return;
  }
  assert.fail('the work was never stopped');
}

test('copyTree stops and leaves nothing', async () => {
  const directory = temporaryDirectory('cancel');
  await cancelled(async (count) => {
    const tree = manyFiles(directory, count);
    const controller = new AbortController();
    const copy = join(directory, `copy-${count}`);
    const work = native.copyTree(tree, copy, { signal: controller.signal });
    while (!existsSync(join(copy, '00000'))) await sleep(1);
    controller.abort();
    await work.catch((error) => {
      assert.equal(existsSync(copy), false);
      throw error;
    });
  });
});

test('canonicaliseTree stops in the middle', async () => {
  const directory = temporaryDirectory('cancel');
  await cancelled(async (count) => {
    const tree = manyFiles(directory, count);
    const isCanonical = (name: string) => (lstatSync(join(tree, name)).mode & 0o777) === 0o444;
    const controller = new AbortController();
    const work = native.canonicaliseTree(tree, { signal: controller.signal });
    while (!isCanonical('00000')) await sleep(1);
    controller.abort();
    await work.catch((error) => {
      assert.ok(!readdirSync(tree).every(isCanonical));
      throw error;
    });
  });
});

test('findSpecialFile stops in the middle', async () => {
  const directory = temporaryDirectory('cancel');
  let known = Buffer.alloc(0);
  await cancelled(async (count) => {
    // As an earlier search would have left it, of directories that are gone: each is looked for, twice.
    const gone = Array.from({ length: 5 * count }, (_, i) =>
      Buffer.concat([Buffer.alloc(24), Buffer.from(`gone-${i}\0`)]),
    );
    known = Buffer.concat([Buffer.from('airplant directories 1\0'), ...gone]);
    const controller = new AbortController();
    const work = native.findSpecialFile(directory, known, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await work;
  });
  assert.equal((await native.findSpecialFile(directory, known)).found, undefined);
  // In one directory of many files, too.
  const tree = manyFiles(directory, 20_000);
  const late = new AbortController();
  const reading = Array.from({ length: 200 }, () => native.findSpecialFile(tree, Buffer.alloc(0), late));
  const ended = Promise.allSettled(reading);
  late.abort();
  assert.ok((await ended).some(({ status }) => status === 'rejected'));
});

test('work that waits for a processor is cancelled without getting one, and others are not disturbed', async () => {
  const directory = temporaryDirectory('cancel');
  const file = hugeFile(join(directory, 'huge'));
  const small = join(directory, 'small');
  writeFileSync(small, 'x');
  const [busy, waiting] = [new AbortController(), new AbortController()];
  setMaxListeners(0, busy.signal);
  const running = Array.from({ length: 64 }, () => native.hashTree(file, [], { signal: busy.signal }));
  const ended = Promise.allSettled(running);
  const { signal } = waiting;
  const all = [
    native.hashTree(file, [], { signal }),
    native.canonicaliseTree(small, { signal }),
    native.copyTree(small, join(directory, 'copy'), { signal }),
    native.findSpecialFile(directory, Buffer.alloc(0), { signal }),
  ];
  const last = native.hashTree(small, []);
  waiting.abort();
  for (const work of all) await assert.rejects(work, { name: 'AbortError' });
  busy.abort();
  for (const { status } of await ended) assert.equal(status, 'rejected');
  assert.equal((await last).narSize, 120);
  assert.equal(existsSync(join(directory, 'copy')), false);
});

test('an aborted signal begins nothing, a late one changes nothing', async () => {
  const directory = temporaryDirectory('cancel');
  const file = hugeFile(join(directory, 'huge'));
  await assert.rejects(native.hashTree(file, [], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  const controller = new AbortController();
  const small = join(directory, 'small');
  writeFileSync(small, 'x');
  const { narSize } = await native.hashTree(small, [], { signal: controller.signal });
  controller.abort();
  assert.equal(narSize, 120);
  const { signal } = new AbortController();
  assert.throws(() => native.hashTree(7 as unknown as string, [], { signal }), TypeError);
});

test('a process whose work is cancelled ends by itself', async () => {
  const file = hugeFile(join(temporaryDirectory('cancel'), 'huge'));
  const script = `
    const { native } = await import(${JSON.stringify(nativeModule)});
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await native.hashTree(${JSON.stringify(file)}, [], { signal: controller.signal }).catch((error) => console.log(error.name));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(output, 'AbortError\n');
});

test('of many that queue up behind one another, each is done or stopped, whichever is cancelled', async () => {
  const directory = temporaryDirectory('cancel');
  const files = Array.from({ length: 8 }, (_, index) => join(directory, String(index)));
  for (const file of files) writeFileSync(file, file.repeat(1000));
  const expected = await Promise.all(files.map((file) => native.hashTree(file, [])));
  const reason = new Error('enough');
  let done = 0;
  const outcomes = Array.from({ length: 600 }, async (_, index) => {
    const controller = new AbortController();
    const work = native.hashTree(files[index % 8]!, [], { signal: controller.signal });
    if (index % 3 === 1) controller.abort(reason);
    if (index % 3 === 2) setImmediate(() => controller.abort(reason));
    try {
      assert.deepEqual(await work, expected[index % 8]);
      done++;
    } catch (error) {
      assert.notEqual(index % 3, 0, 'nobody has cancelled this one');
      assert.equal(error, reason);
    }
  });
  await Promise.all(outcomes);
  assert.ok(done >= 200, `${done} of them were done`);
});
