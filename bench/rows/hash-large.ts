import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { interleave } from '../harness/interleave.js';
import { needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { workerCommand } from '../workers/command.js';
import { largeTree, makeLargeTree } from './large-tree.js';

/** NAR, SHA-256 and reference scan of a few large files in the page cache, against bare SHA-256 in memory. */
export const hashLarge: Row = { name: 'hash-large', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const openssl = needProgram('openssl');
  const tree = bench.workspace.directory('large');
  makeLargeTree(tree);
  try {
    await using ours = await startWorker(workerCommand('hash', tree, '20'));
    const bytes = largeTree.files * largeTree.megabytesPerFile * 2 ** 20;
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
          `${largeTree.files} files of ${largeTree.megabytesPerFile} MiB, page cache warm, 20 references looked for; ${await programVersion(openssl, 'version')}`,
        ],
      }),
    ];
  } finally {
    removeTree(tree);
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
