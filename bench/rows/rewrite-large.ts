import { interleave } from '../harness/interleave.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { workerCommand } from '../workers/command.js';
import { largeTree, makeLargeTree } from './large-tree.js';

/** Scanning, rewriting and hashing a large tree in one pass, against hashing it alone. */
export const rewriteLarge: Row = { name: 'rewrite-large', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const tree = bench.workspace.directory('rewrite');
  const mark = 'a'.repeat(32);
  makeLargeTree(tree, mark);
  try {
    await using ours = await startWorker(workerCommand('rewrite', tree, mark));
    await using hashing = await startWorker(workerCommand('hash', tree, '0'));
    const megabytes = (largeTree.files * largeTree.megabytesPerFile * 2 ** 20) / 1e6;
    const duel = await interleave(
      async () => (megabytes * 1e3) / (await ours.sample()),
      async () => (megabytes * 1e3) / (await hashing.sample()),
      { runs: bench.runs(5), warmUps: 1, pauseMilliseconds: 0 },
    );
    return [
      compare(duel, {
        name: 'rewrite-large',
        unit: 'MB/s',
        ours: 'native.rewriteTree',
        yardstick: 'native.hashTree, no references looked for',
        target: { bound: 'at least', ratio: 0.8 },
        notes: [
          `${largeTree.files} files of ${largeTree.megabytesPerFile} MiB, page cache warm; one of 3 hash parts is found in every 256 KiB and replaced on disk, 20 references are looked for; what the kernel writes back later is not counted`,
        ],
      }),
    ];
  } finally {
    removeTree(tree);
  }
}
