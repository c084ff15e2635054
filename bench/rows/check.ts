import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row } from '../harness/row.js';
import { startWorker, type WorkerOptions } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { workerCommand } from '../workers/command.js';
import { airplantCommand } from './airplant-program.js';

/** Checking a large output, against building it in a store that has nothing of it and hashing it twice more. */
export const check: Row = { name: 'check', measure };

const megabytes = 512;

/** By what the end of the output is: the exit status of the check. */
const ends = { same: { text: 'echo end', status: 0 }, differs: { text: 'cat $uuid', status: 104 } } as const;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  const busybox = needProgram('busybox');
  const comparisons: Comparison[] = [];
  for (const end of ['same', 'differs'] as const) comparisons.push(await measureOne(bench, busybox, end));
  return comparisons;
}

async function measureOne(
  { workspace, runs }: Bench,
  busybox: string,
  end: keyof typeof ends,
): Promise<Comparison> {
  const { text, status } = ends[end];
  const directory = workspace.directory(`check-${end}`);
  const environment = { env: { PATH: process.env['PATH'] ?? '', HOME: directory }, cwd: directory };
  const module = (name: string, script: string) => {
    const file = join(directory, `${name}.mjs`);
    writeFileSync(file, moduleOf(busybox, name, script));
    return file;
  };
  const small = module('small', 'echo > $out');
  const large = module('large', `(head -c ${megabytes}m /dev/zero; ${text}) > $out`);
  const inStore = (verb: string, store: string, source: string, ...flags: string[]) =>
    airplantCommand(verb, '--store', store, '--option', 'sandbox-paths', busybox, ...flags, source);
  const build = (store: string, source: string) => inStore('build', store, source, '--no-link', '--json');

  const spawn = await compileProgram('spawn', workspace);
  const checked = join(directory, 'checked');
  const outPath = await outputOf(build(checked, large), environment);
  // A worker has to end well.
  const expect = ['/bin/sh', '-c', `"$@"; test $? = ${status}`, 'sh'];
  await using ours = await startWorker(
    [spawn, ...expect, ...inStore('check', checked, large, '--no-diffoscope')],
    environment,
  );
  const rebuildAndHash = async () => {
    const store = join(directory, 'fresh');
    // What making a store takes is not counted.
    await outputOf(build(store, small), environment);
    await using rebuild = await startWorker([spawn, ...build(store, large)], environment);
    await using hashing = await startWorker(workerCommand('hash', join(store, outPath), '0'));
    const milliseconds = (await rebuild.sample()) + (await hashing.sample()) + (await hashing.sample());
    removeTree(store);
    return milliseconds;
  };
  try {
    const series = { runs: runs(5), warmUps: 1, pauseMilliseconds: 200 };
    const duel = await interleave(ours.sample, rebuildAndHash, series);
    return compare(duel, {
      name: `check-${end}`,
      unit: 'ms',
      ours: 'airplant check',
      yardstick: 'airplant build, and native.hashTree twice',
      target: { bound: 'at most', ratio: 1 },
      notes: [`one file of ${megabytes} MiB of zeros; the build hashes it once itself`],
    });
  } finally {
    removeTree(directory);
  }
}

async function outputOf(command: readonly string[], environment: WorkerOptions): Promise<string> {
  const [program, ...args] = command;
  const { stdout } = await promisify(execFile)(program!, args, environment);
  const [path] = /\/nix\/store\/[0-9a-z]{32}-(?:small|large)(?=")/.exec(String(stdout)) ?? [];
  if (path === undefined) throw new Error(`airplant build --json named no output: ${stdout}`);
  return path;
}

function moduleOf(busybox: string, name: string, script: string): string {
  const attributes = {
    name,
    builder: busybox,
    args: ['sh', '-euc', `head() { ${busybox} head "$@"; }; cat() { ${busybox} cat "$@"; }\n${script}`],
    uuid: '/proc/sys/kernel/random/uuid',
  };
  return `import { derivation } from 'airplant';\nexport default derivation(${JSON.stringify(attributes)});\n`;
}
