import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { makeValidGraph } from './valid-graph-store.js';
import { plainEnvironment } from './verify-store.js';

/** Everything that a path refers to, asked of an open store. */
export const closure: Row = { name: 'closure', measure };

const derivations = 10_000;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = workspace.directory('closure');
  const top = (await makeValidGraph(store, derivations)).at(-1)!;
  const spawn = await compileProgram('spawn', workspace);
  const env = plainEnvironment(store, workspace.directory('home'));
  await using ours = await startWorker(workerCommand('closure', store, top), { env });
  await using theirs = await startWorker(
    [spawn, nixStore, '--store', store, '--query', '--requisites', top],
    { env },
  );
  const series = { runs: bench.runs(10), warmUps: 1, pauseMilliseconds: 0 };
  return [
    compare(await interleave(ours.sample, theirs.sample, series), {
      name: 'closure',
      unit: 'ms',
      ours: 'LocalStore.closure',
      yardstick: 'nix-store --query --requisites',
      target: { bound: 'at most', median: 100 },
      notes: [
        `${ours.greeting} paths, each with up to 8 references; of a store that is open, while ${await programVersion(needProgram('nix'))} is started for each`,
      ],
    }),
  ];
}
