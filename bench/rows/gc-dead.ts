import { join } from 'node:path';
import { interleave, type Sampler } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { airplantCommand } from './airplant-program.js';
import { makeGarbage } from './garbage-store.js';
import { copyStore } from './graph-store.js';

/** Deleting everything in a store, command line against command line. */
export const gcDead: Row = { name: 'gc-dead', measure };

const paths = 20_000;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = join(workspace.directory('garbage'), 'store');
  await makeGarbage(store, paths);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: workspace.directory('home'),
    NIX_CONF_DIR: workspace.directory('settings'),
    NIX_CONFIG: 'substitute = false\nbuild-users-group =',
  };
  const spawn = await compileProgram('spawn', workspace);
  const copies = workspace.directory('copies');
  const sampler = (command: (directory: string) => readonly string[]): Sampler => {
    return async () => {
      const directory = join(copies, 'store');
      await copyStore({ directory: store, drvPath: '', env }, directory);
      await using worker = await startWorker([spawn, ...command(directory)], { env });
      const milliseconds = await worker.sample();
      removeTree(directory);
      return milliseconds;
    };
  };
  const duel = await interleave(
    sampler((directory) => airplantCommand('gc', '--progress', 'quiet', '--store', directory)),
    sampler((directory) => [nixStore, '--quiet', '--store', directory, '--gc']),
    { runs: bench.runs(5), warmUps: 1, pauseMilliseconds: 200 },
  );
  return [
    compare(duel, {
      name: 'gc-dead',
      unit: 'ms',
      ours: 'airplant gc',
      yardstick: 'nix-store --gc',
      target: { bound: 'at most', ratio: 1 / 1.5 },
      notes: [
        `${paths} paths, each a directory with two files and a reference; ${await programVersion(needProgram('nix'))}`,
      ],
    }),
  ];
}
