import { delegationCure } from '../doctor/causes/processes.js';
import type { Check } from '../doctor/check.js';
import type { Host } from '../doctor/host.js';
import { type ControlGroupFiles, kernelFiles } from './control-group-files.js';
import { findGroupParent } from './group-parent.js';

/** Whether the limits of builds could be put in force; changes nothing. */
export function limitsCheck({ cgroup }: Pick<Host, 'cgroup'>, files: ControlGroupFiles = kernelFiles): Check {
  const name = 'limits of memory, processes and CPU time';
  const wanted = ['memory', 'pids', 'cpu'];
  const parent = cgroup && findGroupParent(cgroup, wanted, files);
  const missing = wanted.filter((controller) => !parent?.controllers.includes(controller));
  if (missing.length === 0) return { name, ok: true, required: false };
  return {
    name,
    ok: false,
    required: false,
    cause: why(cgroup, parent !== undefined, missing),
    cure: delegationCure,
    cost: '`build-memory-max`, `build-pids-max` and `build-cpu-max` are not, or not all, in force; with `require-build-limits` builds that have them fail.',
  };
}

function why(cgroup: Host['cgroup'], found: boolean, missing: readonly string[]): string {
  if (cgroup === undefined)
    return 'No cgroup2 file system is mounted here that shows the group of this process.';
  if (!found) return `This user may make control groups neither in '${cgroup.directory}' nor beside it.`;
  return `No control group that this user may make others in hands on ${missing.join(', ')}: '${cgroup.directory}' was not given them, or holds other processes.`;
}
