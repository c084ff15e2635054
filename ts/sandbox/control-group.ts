import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mostCpuPercent, mostPids } from '../base/kernel-limits.js';
import {
  attempt,
  type ControlGroupFiles,
  type HeldGroup,
  kernelFiles,
  makeHeldGroup,
} from './control-group-files.js';

/** What the kernel is to keep a whole build to. Absent or 0: no limit. */
export interface ResourceLimits {
  /** Bytes, of all processes together with what they have in tmpfs and in the page cache. */
  readonly memoryBytes?: number;
  /** Processes and threads. */
  readonly pids?: number;
  /** Per cent of one CPU: 200 is two CPUs. */
  readonly cpuPercent?: number;
}

/** More than these the kernel refuses to be told. Of bytes it takes any number. */
export const largestLimits: Readonly<Required<ResourceLimits>> = {
  memoryBytes: Number.MAX_SAFE_INTEGER,
  pids: mostPids,
  cpuPercent: mostCpuPercent,
};

/** What a control group tells of a build at its end; absent where its controller is not there. */
export interface ControlGroupUsage {
  readonly userSeconds?: number;
  readonly systemSeconds?: number;
  /** Most memory ever used by all processes together, bytes. */
  readonly memoryPeakBytes?: number;
}

/** A control group (version 2) of one build. */
export interface ControlGroup {
  readonly directory: string;
  /** The limits in force: `memory`, `pids`, `cpu`. */
  readonly applied: readonly string[];
  /** Limits asked for that are not in force, in a sentence each. */
  readonly shortfalls: readonly string[];
  /** Kills whatever is left in it, reads what was used, and removes it. Never throws, and does it once. */
  finish(): Promise<ControlGroupUsage>;
}

/**
 * Makes a control group below `parent` (`findGroupParent`), and puts the limits in force as far as the parent hands on
 * their controllers (cgroups(7), Documentation/admin-guide/cgroup-v2.rst). Whoever starts the build moves it in.
 * Undefined where none can be made there.
 */
export function makeControlGroup(
  parent: string,
  limits: ResourceLimits,
  files: ControlGroupFiles = kernelFiles,
): ControlGroup | undefined {
  const held = makeHeldGroup(parent, files);
  if (!held) return undefined;
  let finished: Promise<ControlGroupUsage> | undefined;
  const applied: string[] = [];
  const shortfalls: string[] = [];
  for (const { controller, settings } of wantedLimits(limits)) {
    const set = ([file, value]: readonly [string, string]) =>
      attempt(() => files.write(join(held.directory, file), value));
    if (settings.every(set)) applied.push(controller);
    else shortfalls.push(missingLimit(controller));
  }
  const { directory } = held;
  return { directory, applied, shortfalls, finish: () => (finished ??= finish(held, files)) };
}

/** What is said of a limit that was asked for and is not in force. */
export function missingLimit(controller: string): string {
  return `The limit on ${titles[controller]} is not in force: no cgroup v2 controller '${controller}' is delegated to airplant.`;
}

/** Names of the controllers that the limits take. */
export function wantedControllers(limits: ResourceLimits): string[] {
  return wantedLimits(limits).map(({ controller }) => controller);
}

const titles: Readonly<Record<string, string>> = { memory: 'memory', pids: 'processes', cpu: 'CPU time' };
const periodMicroseconds = 100_000;

function wantedLimits({ memoryBytes, pids, cpuPercent }: ResourceLimits) {
  type Wanted = { readonly controller: string; readonly settings: readonly (readonly [string, string])[] };
  const wanted: Wanted[] = [];
  if (memoryBytes) {
    // Half a build is no use to anybody: all of it dies.
    const settings = [
      ['memory.max', String(memoryBytes)],
      ['memory.oom.group', '1'],
    ] as const;
    wanted.push({ controller: 'memory', settings });
  }
  if (pids) wanted.push({ controller: 'pids', settings: [['pids.max', String(pids)]] });
  if (cpuPercent) {
    const quota = Math.ceil((cpuPercent * periodMicroseconds) / 100);
    wanted.push({ controller: 'cpu', settings: [['cpu.max', `${quota} ${periodMicroseconds}`]] });
  }
  return wanted;
}

async function finish(
  { directory, release }: HeldGroup,
  files: ControlGroupFiles,
): Promise<ControlGroupUsage> {
  // The second line: process 1 has taken everything along already.
  attempt(() => files.write(join(directory, 'cgroup.kill'), '1'));
  const cpu = fields(files, join(directory, 'cpu.stat'));
  const peak = Number(readOr(files, join(directory, 'memory.peak'), '').trim() || Number.NaN);
  await removeEmpty(directory, files);
  release();
  const user = cpu.get('user_usec');
  const system = cpu.get('system_usec');
  return {
    ...(user === undefined ? {} : { userSeconds: user / 1e6 }),
    ...(system === undefined ? {} : { systemSeconds: system / 1e6 }),
    ...(Number.isNaN(peak) ? {} : { memoryPeakBytes: peak }),
  };
}

/** What was killed leaves the group a moment later: EBUSY until then. */
async function removeEmpty(directory: string, files: ControlGroupFiles): Promise<void> {
  for (let milliseconds = 1; milliseconds <= 1024; milliseconds *= 2) {
    if (attempt(() => files.removeDirectory(directory))) return;
    await sleep(milliseconds);
  }
}

function fields(files: ControlGroupFiles, path: string): Map<string, number> {
  const lines = readOr(files, path, '').split('\n').filter(Boolean);
  return new Map(lines.map((line) => [line.split(' ')[0]!, Number(line.split(' ')[1])]));
}

function readOr(files: ControlGroupFiles, path: string, otherwise: string): string {
  try {
    return files.read(path);
  } catch {
    return otherwise;
  }
}
