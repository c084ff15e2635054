import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { workerCommand } from '../workers/command.js';

/** NAR, SHA-256 and reference scan of many small files, against `nix-hash`, which does not scan. */
export const hashSmall: Row = { name: 'hash-small', measure };

const directories = 200;
const filesPerDirectory = 100;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const nixHash = needProgram('nix-hash');
  const tree = bench.workspace.directory('small');
  makeSmallTree(tree);
  try {
    const spawn = await compileProgram('spawn', bench.workspace);
    await using ours = await startWorker(workerCommand('hash', tree, '20'));
    await using theirs = await startWorker([spawn, nixHash, '--type', 'sha256', tree]);
    await using start = await startWorker([spawn, nixHash, '--type', 'sha256', join(tree, 'd0', 'f0')]);
    const series = { runs: bench.runs(10), warmUps: 1, pauseMilliseconds: 0 };
    const duel = await interleave(ours.sample, theirs.sample, series);
    const startMilliseconds = await start.sample();
    return [
      compare(duel, {
        name: 'hash-small',
        unit: 'ms',
        ours: 'native.hashTree',
        yardstick: 'nix-hash',
        target: { bound: 'at most', ratio: 1 },
        notes: [
          `${directories * filesPerDirectory} files of 0 to 4 KiB, caches warm; ${await programVersion(nixHash)}; of its time about ${startMilliseconds.toFixed(1)} ms are the start of the process (one small file hashed)`,
        ],
      }),
    ];
  } finally {
    removeTree(tree);
  }
}

function makeSmallTree(tree: string): void {
  const bytes = Buffer.alloc(4096, 'the same bytes in every run; ');
  for (let directory = 0; directory < directories; directory++) {
    mkdirSync(join(tree, `d${directory}`));
    for (let file = 0; file < filesPerDirectory; file++) {
      const size = (directory * 577 + file * 1013) % bytes.length;
      writeFileSync(join(tree, `d${directory}`, `f${file}`), bytes.subarray(0, size));
    }
  }
}
