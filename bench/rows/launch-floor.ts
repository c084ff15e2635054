import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave } from '../harness/interleave.js';
import { compileProgram } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row, SkippedRow } from '../harness/row.js';
import { countSyscalls, renderSyscalls, totalOf } from '../harness/syscalls.js';
import { startWorker } from '../harness/worker.js';
import { workerCommand } from '../workers/command.js';
import { prepareScene, sceneSpec } from './launch-scene.js';

/** From the API call to the exit of `/bin/true` in a full sandbox, against a bare C program doing the same. */
export const launchFloor: Row = { name: 'launch-floor', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const scene = prepareScene(workspace);
  const specFile = join(scene.directory, 'spec.json');
  writeFileSync(specFile, JSON.stringify(sceneSpec(scene)));
  const oursCommand = workerCommand('launch', specFile, '0');
  const floorCommand = [await compileProgram('floor', workspace), scene.directory, scene.busybox];

  await using ours = await startWorker(oursCommand);
  await using floor = await startWorker(floorCommand);
  const duel = await interleave(ours.sample, floor.sample, {
    runs: bench.runs(50),
    warmUps: 5,
    pauseMilliseconds: 10,
  });
  const calls = await traceBoth(oursCommand, floorCommand, bench);
  return [
    compare(duel, {
      name: 'launch-floor',
      unit: 'ms',
      ours: 'launchSandbox',
      yardstick: 'floor.c',
      target: { bound: 'at most', ratio: 1.15 },
      notes: [
        'both time themselves: ours from the call to the settled promise in node, floor.c from fork to wait',
        calls.note,
      ],
      facts: calls.facts,
    }),
  ];
}

async function traceBoth(
  oursCommand: readonly string[],
  floorCommand: readonly string[],
  { workspace }: Bench,
): Promise<{ readonly note: string; readonly facts: Readonly<Record<string, unknown>> }> {
  try {
    const ours = await countSyscalls(oursCommand, workspace);
    const floor = await countSyscalls(floorCommand, workspace);
    return {
      note: `calls of one launch as strace -f sees them, node's own left out: ${totalOf(ours).toFixed(0)} against ${totalOf(floor).toFixed(0)}\n${renderSyscalls(ours, floor)}`,
      facts: { syscalls: { ours: Object.fromEntries(ours), yardstick: Object.fromEntries(floor) } },
    };
  } catch (error) {
    if (error instanceof SkippedRow) return { note: `no system call counts: ${error.message}`, facts: {} };
    throw error;
  }
}
