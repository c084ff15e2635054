import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interleave } from '../harness/interleave.js';
import { compileProgram } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker } from '../harness/worker.js';
import { airplantCommand } from './airplant-program.js';

/** `airplant build` with nothing to do, against the start of node alone. */
export const buildNoop: Row = { name: 'build-noop', measure };

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const { workspace } = bench;
  const directory = workspace.directory('noop');
  const environment = { env: { PATH: process.env['PATH'] ?? '', HOME: directory }, cwd: directory };
  const build = (source: string, ...flags: string[]) =>
    airplantCommand('build', '--store', join(directory, 'store'), '--no-link', ...flags, source);

  const module = join(directory, 'default.mjs');
  writeFileSync(module, trivialModule);
  const [program, ...args] = build(module, '--json');
  const { stdout } = await promisify(execFile)(program!, args, environment);
  const drvPath = findDerivation(stdout);

  const spawn = await compileProgram('spawn', workspace);
  await using ours = await startWorker([spawn, ...build(drvPath)], environment);
  await using node = await startWorker([spawn, process.execPath, '-e', '0'], environment);
  const duel = await interleave(ours.sample, node.sample, {
    runs: bench.runs(20),
    warmUps: 2,
    pauseMilliseconds: 10,
  });
  return [
    compare(duel, {
      name: 'build-noop',
      unit: 'ms',
      ours: 'airplant build',
      yardstick: 'node -e 0',
      target: { bound: 'at most', ratio: 1.6 },
      notes: ['a .drv whose output is valid already'],
    }),
  ];
}

const trivialModule = `import { derivation } from 'airplant';
export default derivation({ name: 'noop', builder: '/bin/sh', args: ['-c', 'echo done > $out'] });
`;

function findDerivation(json: string): string {
  const [drvPath] = /\/nix\/store\/[0-9a-z]{32}-noop\.drv/.exec(json) ?? [];
  if (drvPath === undefined) throw new Error(`airplant build --json named no derivation: ${json}`);
  return drvPath;
}
