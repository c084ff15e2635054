import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needProgram } from './programs.js';
import { startWorker } from './worker.js';
import type { Workspace } from './workspace.js';

/** Calls by name; means may be fractions. */
export type SyscallCounts = ReadonlyMap<string, number>;

/**
 * What one piece of a worker's work costs in system calls, as `strace -c -f` counts them: of all its processes, but
 * of a first process that is node, and of node's threads, nothing. A short trace is subtracted from a long one, so
 * that start and end drop out.
 */
export async function countSyscalls(
  command: readonly string[],
  workspace: Workspace,
): Promise<SyscallCounts> {
  const few = 2;
  const many = 7;
  const short = await trace(command, few, workspace);
  const long = await trace(command, many, workspace);
  const means = [...long].map(
    ([name, count]) => [name, (count - (short.get(name) ?? 0)) / (many - few)] as const,
  );
  return new Map(means.filter(([, mean]) => mean > 0));
}

async function trace(
  command: readonly string[],
  samples: number,
  workspace: Workspace,
): Promise<Map<string, number>> {
  const log = join(workspace.path, 'strace.log');
  {
    await using worker = await startWorker([needProgram('strace'), '-f', '-qq', '-o', log, ...command]);
    for (let sample = 0; sample < samples; sample++) await worker.sample();
  }
  return countTraceLines((await readFile(log, 'latin1')).split('\n'));
}

/** Counts the calls in what `strace -f -o` writes, except those of node and its threads. */
export function countTraceLines(lines: readonly string[]): Map<string, number> {
  const node = findNodeThreads(lines);
  const counts = new Map<string, number>();
  for (const line of lines) {
    const [, pid, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (call !== undefined && !node.has(pid!)) counts.set(call, (counts.get(call) ?? 0) + 1);
  }
  return counts;
}

/** Threads share CLONE_THREAD with node; what node forks does not. */
function findNodeThreads(lines: readonly string[]): Set<string> {
  const [, first] = /^(\d+) +execve\("[^"]*\/node"/.exec(lines[0] ?? '') ?? [];
  const threads = new Set(first === undefined ? [] : [first]);
  const starting = new Set<string>();
  for (const line of lines) {
    const [, pid, call] = /^(\d+) +(?:<\.\.\. )?(clone3?)\b/.exec(line) ?? [];
    if (call === undefined || !threads.has(pid!)) continue;
    if (line.includes('CLONE_THREAD')) starting.add(pid!);
    const [, started] = / = (\d+)$/.exec(line) ?? [];
    if (started !== undefined && starting.delete(pid!)) threads.add(started);
  }
  return threads;
}

/** Two counts side by side, a line for each call, and their sums. */
export function renderSyscalls(ours: SyscallCounts, yardstick: SyscallCounts): string {
  const names = [...new Set([...ours.keys(), ...yardstick.keys()])].sort();
  const line = (name: string, left: number, right: number) =>
    `${name.padEnd(18)} ${renderMean(left).padStart(8)} ${renderMean(right).padStart(10)}`;
  return [
    `${'system call'.padEnd(18)} ${'ours'.padStart(8)} ${'yardstick'.padStart(10)}`,
    ...names.map((name) => line(name, ours.get(name) ?? 0, yardstick.get(name) ?? 0)),
    line('all', totalOf(ours), totalOf(yardstick)),
  ].join('\n');
}

export function totalOf(counts: SyscallCounts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function renderMean(mean: number): string {
  return Number.isInteger(mean) ? String(mean) : mean.toFixed(1);
}
