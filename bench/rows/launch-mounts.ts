import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { prepareScene, sceneForBubblewrap, sceneSpec } from './launch-scene.js';

/** The launch of a sandbox with as many mounts as a large closure has paths, against bubblewrap with the same. */
export const launchMounts: Row = { name: 'launch-mounts', measure };

const mounts = 500;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const bwrap = needProgram('bwrap');
  const scene = prepareScene(workspace, mounts);
  const command = (more: number) => {
    const specFile = join(scene.directory, `spec-${more}.json`);
    writeFileSync(specFile, JSON.stringify(sceneSpec(scene, more)));
    return workerCommand('launch', specFile, '0');
  };
  await using ours = await startWorker(command(mounts));
  await using few = await startWorker(command(0));
  await using theirs = await startWorker([
    await compileProgram('spawn', workspace),
    bwrap,
    ...sceneForBubblewrap(scene, mounts),
  ]);
  const series = { runs: bench.runs(30), warmUps: 3, pauseMilliseconds: 20 };
  const duel = await interleave(ours.sample, theirs.sample, series);
  const { yardstick: without } = await interleave(ours.sample, few.sample, {
    ...series,
    runs: bench.runs(10),
  });
  return [
    compare(duel, {
      name: 'launch-mounts',
      unit: 'ms',
      ours: `launchSandbox, ${mounts} inputs`,
      yardstick: 'bwrap --unshare-all',
      target: { bound: 'at most', median: 25 },
      notes: [
        `${mounts} inputs more than launch-floor has, each a directory bound read-only; without them it is ${without.median.toFixed(2)} ms`,
        await programVersion(bwrap),
      ],
    }),
  ];
}
