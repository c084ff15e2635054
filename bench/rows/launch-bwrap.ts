import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { prepareScene, sceneForBubblewrap, sceneSpec } from './launch-scene.js';

/** The same launch against bubblewrap, the usual way to get such a sandbox without root. */
export const launchBwrap: Row = { name: 'launch-bwrap', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const bwrap = needProgram('bwrap');
  const scene = prepareScene(workspace);
  const specFile = join(scene.directory, 'spec.json');
  writeFileSync(specFile, JSON.stringify(sceneSpec(scene)));

  await using ours = await startWorker(workerCommand('launch', specFile, '0'));
  await using theirs = await startWorker([
    await compileProgram('spawn', workspace),
    bwrap,
    ...sceneForBubblewrap(scene),
  ]);
  const duel = await interleave(ours.sample, theirs.sample, {
    runs: bench.runs(50),
    warmUps: 5,
    pauseMilliseconds: 10,
  });
  return [
    compare(duel, {
      name: 'launch-bwrap',
      unit: 'ms',
      ours: 'launchSandbox',
      yardstick: 'bwrap --unshare-all',
      target: { bound: 'at most', ratio: 0.6 },
      notes: [
        `${await programVersion(bwrap)}, started by a small C parent: node's spawn is not charged to it`,
      ],
    }),
  ];
}
