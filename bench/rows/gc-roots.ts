import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, type Sampler } from '../harness/interleave.js';
import { compileProgram, needProgram, programVersion } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker, type Worker } from '../harness/worker.js';
import { airplantCommand } from './airplant-program.js';
import { makeGarbage } from './garbage-store.js';

/** Reading a great many roots that are regular files, as a build farm has them. */
export const gcRoots: Row = { name: 'gc-roots', measure };

const roots = 300_000;
const warmUps = 1;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const nixStore = needProgram('nix-store');
  const store = join(workspace.directory('roots'), 'store');
  const gcroots = join(store, 'nix/var/nix/gcroots');
  // What is a root must be valid; whether it is there does not matter.
  for (const path of await makeGarbage(store, roots, { files: false }))
    writeFileSync(join(gcroots, path.slice('/nix/store/'.length)), '');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: workspace.directory('home'),
    NIX_CONF_DIR: workspace.directory('settings'),
    NIX_CONFIG: 'substitute = false\nbuild-users-group =',
  };
  const spawn = await compileProgram('spawn', workspace);
  const sampler = (worker: Worker): Sampler => worker.sample;
  const ourCommand = airplantCommand('gc', '--progress', 'quiet', '--store', store);
  await using ours = await startWorker([spawn, ...ourCommand], { env });
  await using theirs = await startWorker([spawn, nixStore, '--store', store, '--gc'], { env });
  const duel = await interleave(sampler(ours), sampler(theirs), {
    runs: bench.runs(3),
    warmUps,
    pauseMilliseconds: 100,
  });
  return [
    compare(duel, {
      name: 'gc-roots',
      unit: 'ms',
      ours: 'airplant gc',
      yardstick: 'nix-store --gc',
      target: { bound: 'at most', median: 3000 },
      notes: [
        `${roots} regular files named after store paths, nothing to delete; ${await programVersion(needProgram('nix'))}`,
      ],
    }),
  ];
}
