import type { RlimitName, SandboxLimits } from './spec.js';

/**
 * Every limit of which a build gets less than asked for, in a sentence each: hard limits are inherited and can only be
 * lowered. `inherited` is the text of /proc/self/limits (proc_pid_limits(5)) of the process that starts sandboxes.
 * Pure.
 */
export function limitShortfalls({ rlimits }: SandboxLimits, inherited: string): string[] {
  return rlimits.flatMap(({ resource, soft }) => {
    const hard = hardLimit(resource, inherited);
    if (hard === undefined || (soft !== 'infinity' && soft <= hard)) return [];
    return [`The limit '${resource}' is ${hard} instead of ${soft}: more may not be had here.`];
  });
}

/** Undefined where it is unlimited, or not said. */
function hardLimit(resource: RlimitName, inherited: string): number | undefined {
  const line = inherited.split('\n').find((candidate) => candidate.startsWith(`${titles[resource]}  `));
  const hard = line?.slice(titles[resource].length).trim().split(/\s+/)[1];
  return hard !== undefined && /^\d+$/.test(hard) ? Number(hard) : undefined;
}

/** As the kernel's fs/proc/base.c calls them. */
const titles: Readonly<Record<RlimitName, string>> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  memlock: 'Max locked memory',
  nofile: 'Max open files',
  nproc: 'Max processes',
  stack: 'Max stack size',
  as: 'Max address space',
};
