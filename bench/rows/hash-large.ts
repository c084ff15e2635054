import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interleave } from '../harness/interleave.js';
import { needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { workerCommand } from '../workers/command.js';

/** NAR, SHA-256 and reference scan of a few large files in the page cache, against bare SHA-256 in memory. */
export const hashLarge: Row = { name: 'hash-large', measure };

const files = 4;
const megabytesPerFile = 256;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const openssl = needProgram('openssl');
  const tree = bench.workspace.directory('large');
  makeLargeTree(tree);
  try {
    await using ours = await startWorker(workerCommand('hash', tree));
    const bytes = files * megabytesPerFile * 2 ** 20;
    const duel = await interleave(
      async () => bytes / 1e3 / (await ours.sample()),
      () => opensslSpeed(openssl),
      { runs: bench.runs(5), warmUps: 1, pauseMilliseconds: 0 },
    );
    return [
      compare(duel, {
        name: 'hash-large',
        unit: 'MB/s',
        ours: 'native.hashTree',
        yardstick: 'openssl speed sha256',
        target: { bound: 'at least', ratio: 0.95 },
        notes: [
          `${files} files of ${megabytesPerFile} MiB, page cache warm, 20 references looked for; ${await programVersion(openssl, 'version')}`,
        ],
      }),
    ];
  } finally {
    removeTree(tree);
  }
}

/** Random bytes, so that neither a compressing nor a deduplicating file system can cheat. */
function makeLargeTree(tree: string): void {
  const block = Buffer.alloc(2 ** 25);
  for (let file = 0; file < files; file++) {
    const descriptor = openSync(join(tree, `file-${file}`), 'wx');
    for (let written = 0; written < megabytesPerFile * 2 ** 20; written += block.length) {
      writeSync(descriptor, randomFillSync(block));
    }
    closeSync(descriptor);
  }
}

/** Megabytes a second of one thread hashing one block again and again. */
async function opensslSpeed(openssl: string): Promise<number> {
  const options = ['-elapsed', '-evp', 'sha256', '-bytes', '16384', '-seconds', '1', '-mr'];
  const { stdout } = await promisify(execFile)(openssl, ['speed', ...options]);
  const [, bytesPerSecond] = /^\+F:\d+:sha256:([\d.]+)$/m.exec(stdout) ?? [];
  if (bytesPerSecond === undefined) throw new Error(`openssl speed printed no result: ${stdout}`);
  return Number(bytesPerSecond) / 1e6;
}
