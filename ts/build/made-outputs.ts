import { lstatSync } from 'node:fs';
import { basename, join } from 'node:path';
import { native } from '../native.js';
import type { Attempt, BuildRequest } from './records.js';
import type { Place } from './scratch.js';

/** Host path of every output that the builder made. */
export function madeOutputs({ outputDirectory }: Place, { outputs }: BuildRequest): Map<string, string> {
  const made = outputs
    .map(({ name, scratchPath }) => [name, join(outputDirectory, basename(scratchPath))] as const)
    .filter(([, path]) => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
  return new Map(made);
}

/**
 * A builder that works in place writes to the final paths. What lies there afterwards is moved to where outputs are expected,
 * and nothing is left there, whatever became of the build. Throws what `attempt` rejects with, and what `native.moveTree` and
 * `native.removeTree` throw.
 */
export async function fetchOutputs(
  request: BuildRequest,
  place: Place,
  attempt: Promise<Attempt>,
): Promise<Attempt> {
  const paths = request.outputs.map(({ scratchPath }) => scratchPath);
  try {
    const finished = await attempt;
    for (const path of paths.filter((path) => lstatSync(path, { throwIfNoEntry: false }))) {
      native.moveTree(path, join(place.outputDirectory, basename(path)), 'no-replace');
    }
    return { ...finished, outputs: madeOutputs(place, request) };
  } finally {
    for (const path of paths) await native.removeTree(path);
  }
}
