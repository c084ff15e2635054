import type { KeptFailure } from '../executor.js';
import type { BuildOptions } from '../options.js';
import type { Attempt, BuildRequest } from '../records.js';
import type { Place } from '../scratch.js';
import type { KeptRecord } from './kept-record.js';

/** An attempt, and what was really asked for: a hook may have changed it. */
export interface FinishedRequest {
  readonly attempt: Attempt;
  readonly request: BuildRequest;
}

/** Where it took place, and where that is kept. */
export interface KeptPlaces {
  readonly place: Place;
  readonly at: Place;
}

/** What the sandbox of a failed build can be made from again, but for where it is. Pure. */
export function makeRecord(
  { drvPath, code, message }: KeptFailure,
  { attempt, request, place, at }: FinishedRequest & KeptPlaces,
  options: SandboxOptions,
): Omit<KeptRecord, 'inodes'> {
  const { buildsIn, sandboxBuildDirectory, devShmSize, filterSystemCalls, nestedNamespaces, resources } =
    options;
  // Where nothing is mounted it can only be entered where it is.
  const moved = request.inPlace ? [[place.buildDirectory, at.buildDirectory] as const] : [];
  return {
    version: 1,
    drvPath,
    keptAt: attempt.stoppedAt,
    failure: { code, message },
    request: {
      ...request,
      files: [],
      network: attempt.isolation.network,
      rewrites: [...request.rewrites, ...moved],
    },
    buildsIn,
    sandbox: {
      sandboxBuildDirectory,
      devShmSize,
      filterSystemCalls,
      nestedNamespaces,
      limits: resources.limits,
    },
  };
}

type SandboxOptions = Pick<
  BuildOptions,
  'buildsIn' | 'sandboxBuildDirectory' | 'devShmSize' | 'filterSystemCalls' | 'nestedNamespaces' | 'resources'
>;
