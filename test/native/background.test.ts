import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { native } from '../../ts/native.js';
import { requires } from '../support/requires.js';
import { temporaryDirectory } from '../support/temporary.js';

const nativeModule = new URL('../../ts/native.js', import.meta.url).href;

async function startWorker(script: string, workerData: unknown): Promise<Worker> {
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { native } = await import(${JSON.stringify(nativeModule)});
    parentPort.postMessage('ready');
    ${script}`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return worker;
}

test('much more work at once than threads is all done', async () => {
  const directory = temporaryDirectory('background');
  writeFileSync(join(directory, 'file'), randomBytes(100_000));
  const { hash } = await native.hashTree(directory, []);
  const all = Array.from({ length: 300 }, (_, i) =>
    native.hashTree(i % 3 === 0 ? join(directory, 'missing') : directory, []),
  );
  const results = await Promise.allSettled(all);
  results.forEach((result, i) => {
    if (i % 3 === 0) assert.equal(result.status, 'rejected');
    else assert.equal(result.status === 'fulfilled' && result.value.hash, hash);
  });
});

test('a process and a worker end at once though a dump is stuck', requires('program:mkfifo'), async () => {
  const directory = temporaryDirectory('background');
  const [file, fifo] = [join(directory, 'file'), join(directory, 'fifo')];
  writeFileSync(file, randomBytes(1_000_000));
  execFileSync('mkfifo', [fifo]);
  const readEnd = openSync(fifo, constants.O_RDWR);
  const stuck = `
    const { openSync } = await import('node:fs');
    native.dumpTree(${JSON.stringify(file)}, openSync(${JSON.stringify(fifo)}, 'w'));
    for (let i = 0; i < 20; i++) native.hashTree(${JSON.stringify(file)}, []);`;
  const script = `
    const { native } = await import(${JSON.stringify(nativeModule)});
    ${stuck} setTimeout(() => process.exit(0), 100);`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 });
  const worker = await startWorker(`${stuck} setInterval(() => {}, 1000);`, undefined);
  await sleep(50);
  await worker.terminate();
  closeSync(readEnd);
});

test('a worker may be terminated in the middle of anything', async () => {
  const directory = temporaryDirectory('background');
  mkdirSync(join(directory, 'tree'));
  const busy = `
    for (;;) {
      for (let i = 0; i < 100; i++) {
        try { native.moveTree(workerData + '/none', workerData + '/other', 'exchange'); } catch {}
        native.hashTree(workerData + '/tree', []);
        native.hashTree(workerData + '/none', []).catch(() => {});
      }
      await new Promise(setImmediate);
    }`;
  for (let i = 0; i < 15; i++) {
    const worker = await startWorker(busy, directory);
    await sleep(i);
    await worker.terminate();
  }
});
