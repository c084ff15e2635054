import { interleave, type Sampler } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { summarise } from '../harness/summary.js';
import { startWorker, type Worker } from '../harness/worker.js';
import { airplantCommand } from './airplant-program.js';
import { makeValidGraph } from './valid-graph-store.js';

/** A large graph of which everything is valid, every derivation of it asked for by name. */
export const graphValid: Row = { name: 'graph-valid', measure };

const derivations = 10_000;
const warmUps = 1;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = workspace.directory('valid');
  const drvPaths = await makeValidGraph(store, derivations);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: workspace.directory('home'),
    NIX_CONF_DIR: store,
    NIX_CONFIG: 'substitute = false\nbuild-users-group =',
  };
  const spawn = await compileProgram('spawn', workspace);
  const memory = { ours: [] as number[], yardstick: [] as number[] };
  const sampler = (worker: Worker, samples: number[]): Sampler => {
    return async () => {
      const { milliseconds, megabytes } = await worker.sampleWithMemory();
      samples.push(megabytes);
      return milliseconds;
    };
  };
  const ourCommand = airplantCommand('build', '--store', store, '--no-link', ...drvPaths);
  await using ours = await startWorker([spawn, ...ourCommand], { env });
  await using theirs = await startWorker([spawn, nixStore, '--store', store, '-r', ...drvPaths], { env });
  const duel = await interleave(sampler(ours, memory.ours), sampler(theirs, memory.yardstick), {
    runs: bench.runs(10),
    warmUps,
    pauseMilliseconds: 50,
  });
  const about = { ours: 'airplant build', yardstick: 'nix-store -r' } as const;
  return [
    compare(duel, {
      ...about,
      name: 'graph-valid',
      unit: 'ms',
      target: { bound: 'at most', median: 1500 },
      notes: [
        `${derivations} derivations in layers, each with up to 8 inputs, all asked for by name; ${await programVersion(needProgram('nix'))}`,
        'to ask for the last one alone is the row build-noop: nothing below it is looked at',
      ],
    }),
    compare(
      { ours: summarise(memory.ours.slice(warmUps)), yardstick: summarise(memory.yardstick.slice(warmUps)) },
      {
        ...about,
        name: 'graph-valid-memory',
        unit: 'MB',
        target: { bound: 'at most', median: 150 },
        notes: ['peak resident memory of the same runs'],
      },
    ),
  ];
}
