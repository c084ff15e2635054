import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interleave, type Sampler } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { airplantCommand } from './airplant-program.js';
import { makeContentStore } from './content-store.js';
import { plainEnvironment } from './verify-store.js';

/** Replacing the equal files of a store by hard links, command line against command line, in fresh copies of one store. */
export const optimiseStore: Row = { name: 'optimise-store', measure };

const contents = { paths: 200, filesPerPath: 60, largeFiles: 0 };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = await makeContentStore(workspace, contents);
  const spawn = await compileProgram('spawn', workspace);
  const env = plainEnvironment(store, workspace.directory('home'));
  const copies = workspace.directory('copies');
  const links = new Set<number>();
  const sampler = (command: (root: string) => readonly string[]): Sampler => {
    return async () => {
      const root = join(copies, 'store');
      await promisify(execFile)('cp', ['-a', store, root]);
      await promisify(execFile)('sync', ['--file-system', root]);
      await using worker = await startWorker([spawn, ...command(root)], { env });
      const milliseconds = await worker.sample();
      links.add(readdirSync(join(root, 'nix/store/.links')).length);
      removeTree(root);
      return milliseconds;
    };
  };
  try {
    const duel = await interleave(
      sampler((root) => airplantCommand('optimise', '--store', root, '--progress', 'quiet')),
      sampler((root) => [nixStore, '--store', root, '--optimise']),
      { runs: bench.runs(5), warmUps: 1, pauseMilliseconds: 100 },
    );
    if (links.size !== 1) throw new Error(`they made ${[...links].join(' and ')} links of the same store`);
    const [made] = links;
    return [
      compare(duel, {
        name: 'optimise-store',
        unit: 'ms',
        ours: 'airplant optimise',
        yardstick: 'nix-store --optimise',
        target: { bound: 'at most', ratio: 1 / 1.5 },
        notes: [
          `${contents.paths * contents.filesPerPath} files of up to 64 KiB, of which both make ${made}; caches warm; ${await programVersion(needProgram('nix'))}`,
        ],
      }),
    ];
  } finally {
    removeTree(store);
  }
}
