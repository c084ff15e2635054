import { writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { type Duel, interleave, type Series } from '../harness/interleave.js';
import { type Bench, type Comparison, compare, type Row, SkippedRow } from '../harness/row.js';
import { summarise } from '../harness/summary.js';
import { startWorker, type Worker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { prepareScene, sceneSpec } from './launch-scene.js';

/**
 * The same launch out of a node process with 1.5 GB resident, against a small one: fork copies page tables, so the
 * first launch (which forks the launcher) may cost more, but no later one.
 */
export const launchMemory: Row = { name: 'launch-memory', measure };

const ballastMegabytes = 1450;
const later: Series = { runs: 30, warmUps: 0, pauseMilliseconds: 10 };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  if (freemem() < 3 * 2 ** 30) throw new SkippedRow('less than 3 GiB of memory are free');
  const scene = prepareScene(bench.workspace);
  const specFile = join(scene.directory, 'spec.json');
  writeFileSync(specFile, JSON.stringify(sceneSpec(scene)));
  const start = (megabytes: number): Promise<Worker> =>
    startWorker(workerCommand('launch', specFile, String(megabytes)));

  const firsts = { big: [] as number[], small: [] as number[] };
  const launchFirst = async (): Promise<[Worker, Worker]> => {
    const big = await start(ballastMegabytes);
    const small = await start(0);
    firsts.big.push(await big.sample());
    firsts.small.push(await small.sample());
    return [big, small];
  };
  for (let run = 1; run < bench.runs(3); run++) {
    for (const worker of await launchFirst()) await worker[Symbol.asyncDispose]();
  }
  const [bigWorker, smallWorker] = await launchFirst();
  await using big = bigWorker;
  await using small = smallWorker;
  const duel = await interleave(big.sample, small.sample, { ...later, runs: bench.runs(later.runs) });

  const about = { unit: 'ms', ours: residentOf(big), yardstick: residentOf(small) } as const;
  const first: Duel = { ours: summarise(firsts.big), yardstick: summarise(firsts.small) };
  return [
    compare(first, {
      ...about,
      name: 'launch-memory-first',
      notes: ['first launch of a new process each time: it includes the start of the launcher'],
    }),
    compare(duel, {
      ...about,
      name: 'launch-memory-later',
      target: { bound: 'at most', ratio: 1.1 },
    }),
  ];
}

function residentOf(worker: Worker): string {
  return `node with ${(Number(worker.greeting) / 1e6).toFixed(0)} MB resident`;
}
