import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { summarise } from '../harness/summary.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';

/** What gcc and make need to start, found by reading ELF files, against `ldd`, which has the loader load them. */
export const expandElf: Row = { name: 'expand-elf', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const programs = [needProgram('gcc'), needProgram('make')];
  const ldd = needProgram('ldd');
  const cold: number[] = [];
  const spawn = await compileProgram('spawn', bench.workspace);
  await using theirs = await startWorker([spawn, ldd, ...programs]);
  const runs = bench.runs(10);
  for (let run = 0; run < runs; run++) {
    // A new process has read nothing yet.
    await using fresh = await startWorker(workerCommand('expand', ...programs));
    cold.push(await fresh.sample());
  }
  await using known = await startWorker(workerCommand('expand', ...programs));
  const duel = await interleave(known.sample, theirs.sample, { runs, warmUps: 2, pauseMilliseconds: 0 });
  const about = { unit: 'ms', yardstick: 'ldd', target: { bound: 'at most', median: 50 } } as const;
  return [
    compare(
      { ours: summarise(cold), yardstick: duel.yardstick },
      {
        ...about,
        name: 'expand-elf-cold',
        ours: 'the first time in a process',
        notes: [`of ${programs.join(' and ')}, page cache warm; ${await programVersion(ldd)}`],
      },
    ),
    compare(duel, { ...about, name: 'expand-elf-known', ours: 'later times, files unchanged' }),
  ];
}
