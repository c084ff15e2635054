import { closeSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { endOfExport, pathTrailer, startOfPath } from '../../ts/formats/export/write.js';
import { NarWriter } from '../../ts/formats/nar/write.js';
import { interleave } from '../harness/interleave.js';
import { compileProgram, needProgram } from '../harness/programs.js';
import { type Bench, type Comparison, compare, type Row, SkippedRow } from '../harness/row.js';
import { summarise } from '../harness/summary.js';
import { startWorker, type WorkerOptions } from '../harness/worker.js';
import { removeTree } from '../harness/workspace.js';
import { airplantCommand } from './airplant-program.js';

/** Dumping, restoring and importing one file of 4 GiB: the time, and the memory it takes at most. */
export const transferLarge: Row = { name: 'transfer-large', measure };

const bytes = 4 * 2 ** 30;
const inMemory = { bound: 'at most', median: 100 } as const;

async function measure(bench: Bench): Promise<readonly Comparison[]> {
  // Nix holds what it imports in memory.
  if (freemem() < 3 * bytes) throw new SkippedRow('less than 12 GiB of memory are free');
  const nixStore = needProgram('nix-store');
  const spawn = await compileProgram('spawn', bench.workspace);
  const directory = bench.workspace.directory('transfer');
  const environment = { env: { PATH: process.env['PATH'] ?? '', HOME: directory }, cwd: directory };
  const [file, nar, stream] = ['file', 'file.nar', 'file.export'].map((name) => join(directory, name));
  makeSparse(file!, bytes);
  writeStream(nar!, [narOf]);
  writeStream(stream!, [startOfPath, narOf, pathTrailer({ path, references: [] }), endOfExport]);
  const shell = (script: string, ...command: string[]) => [spawn, '/bin/sh', '-c', script, 'sh', ...command];

  const measured: Comparison[] = [];
  const race = async (name: string, ours: string[], theirs: string[]) => {
    measured.push(...(await timeAndMemory(bench, name, { ours, theirs, environment, directory })));
  };
  await race(
    'dump-large',
    shell('exec "$@" > /dev/null', ...airplantCommand('nar', 'dump', file!)),
    shell('exec "$@" > /dev/null', nixStore, '--dump', file!),
  );
  await race(
    'restore-large',
    shell(`mkdir made-ours; exec "$@" < ${nar}`, ...airplantCommand('nar', 'restore', 'made-ours/file')),
    shell(`mkdir made-nix; exec "$@" < ${nar}`, nixStore, '--restore', 'made-nix/file'),
  );
  await race(
    'import-large',
    shell(
      `exec "$@" < ${stream}`,
      ...airplantCommand('store', 'import', '--store', join(directory, 'made-ours')),
    ),
    shell(`exec "$@" < ${stream}`, nixStore, '--store', join(directory, 'made-nix'), '--import'),
  );
  return measured;
}

interface Contest {
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
  readonly environment: WorkerOptions;
  readonly directory: string;
}

/** Whatever a run leaves at `made-…` is removed before the next. */
async function timeAndMemory(
  { runs }: Bench,
  name: string,
  { ours, theirs, environment, directory }: Contest,
): Promise<Comparison[]> {
  const memory = { ours: [] as number[], yardstick: [] as number[] };
  await using us = await startWorker(ours, environment);
  await using them = await startWorker(theirs, environment);
  const sampler = (worker: typeof us, seen: number[], made: string) => async () => {
    const { milliseconds, megabytes } = await worker.sampleWithMemory();
    seen.push(megabytes);
    removeTree(join(directory, made));
    return milliseconds;
  };
  const duel = await interleave(
    sampler(us, memory.ours, 'made-ours'),
    sampler(them, memory.yardstick, 'made-nix'),
    { runs: runs(2), warmUps: 0, pauseMilliseconds: 0 },
  );
  const used = { ours: summarise(memory.ours), yardstick: summarise(memory.yardstick) };
  const about = { ours: 'airplant', yardstick: 'nix-store', notes: [note] };
  return [
    compare(duel, { ...about, name, unit: 'ms' }),
    compare(used, {
      ...about,
      name: `${name}-memory`,
      unit: 'MB',
      ...(name === 'import-large' ? {} : { target: inMemory }),
    }),
  ];
}

const note =
  'one file of 4 GiB that is all hole: nothing is read from the disk; what is unpacked is written in full';

const path = `/nix/store/${'a'.repeat(32)}-large`;

/** Stands for the NAR of the file in what is written. */
const narOf = Symbol('nar');

function makeSparse(file: string, size: number): void {
  const descriptor = openSync(file, 'wx');
  ftruncateSync(descriptor, size);
  closeSync(descriptor);
}

/** Writes a file in which the contents of the NAR are a hole. */
function writeStream(file: string, parts: readonly (Uint8Array | typeof narOf)[]): void {
  const descriptor = openSync(file, 'wx');
  const append = (part: Uint8Array) => writeSync(descriptor, part, 0, part.length, statSync(file).size);
  for (const part of parts) {
    if (part !== narOf) {
      append(part);
      continue;
    }
    const writer = new NarWriter(append);
    writer.write({ kind: 'regular', executable: false, size: bytes });
    writer.skipContents();
    ftruncateSync(descriptor, statSync(file).size + bytes);
    writer.write({ kind: 'regular-end' });
    writer.end();
  }
  closeSync(descriptor);
}
