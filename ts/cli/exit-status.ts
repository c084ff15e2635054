import type { SandboxExit } from '../sandbox/spec.js';

/** The status a shell would show for a program that ended so. */
export function exitStatusOf(exit: SandboxExit): number {
  switch (exit.kind) {
    case 'exited':
      return exit.status;
    case 'signalled':
      return 128 + exit.signal;
    case 'killed':
    case 'network-lost':
      return 128 + 9;
  }
}
