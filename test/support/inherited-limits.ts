import { execFileSync } from 'node:child_process';

/** How many descriptors a process started from here can be allowed at most, as the shell tells it. */
export function inheritedDescriptors(): number {
  const hard = execFileSync('/bin/sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }).trim();
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
