import type { Cause, Explanation, FailedStep } from './cause.js';
import { confinementCauses } from './causes/confinement.js';
import { idCauses } from './causes/ids.js';
import { mountCauses } from './causes/mounts.js';
import { namespaceCauses } from './causes/namespaces.js';
import { processCauses } from './causes/processes.js';
import type { Host } from './host.js';

/**
 * Finds why a step of setting up a sandbox failed on this host, and the cure; undefined where the facts do not tell.
 * Pure.
 *
 * The kernel says little: EPERM stands for a dozen reasons, and ENOSPC for a limit rather than a full disk. The facts
 * tell them apart.
 */
export function explain(failure: FailedStep, host: Host): Explanation | undefined {
  return causes.find(({ applies }) => applies(failure, host))?.explain(failure, host);
}

/** Surest first: a switch that is plainly off before a filter that may be to blame. */
const causes: readonly Cause[] = [
  ...namespaceCauses,
  ...idCauses,
  ...mountCauses,
  ...processCauses,
  ...confinementCauses,
];
