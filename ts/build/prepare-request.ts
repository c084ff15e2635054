import { derivationOptions } from '../derivation/options.js';
import type { HostPathWish } from '../sandbox/host-paths.js';
import { completeHostPaths } from '../sandbox/visible-paths.js';
import { hostDependencies } from './host-dependencies.js';
import type { BuildOptions } from './options.js';
import type { BuildRequest } from './records.js';
import { makeRequest, type RequestJob } from './request.js';
import { findUnpackPrograms } from './unpack-programs.js';

/**
 * The request for a derivation, with what it needs of this machine looked up: the host paths it asks for itself
 * (`__impureHostDeps`), and the programs that `builtin:unpack-channel` runs.
 *
 * Throws what `makeRequest`, `hostDependencies`, `findUnpackPrograms` and `completeHostPaths` throw.
 */
export async function prepareRequest(
  job: RequestJob,
  storeDir: string,
  options: BuildOptions,
  signal?: AbortSignal,
): Promise<BuildRequest> {
  const request = makeRequest(job, storeDir, options);
  const { impureHostDeps } = derivationOptions(job.derivation);
  const wishes = hostDependencies(job.drvPath, impureHostDeps, options.allowedImpureHostDeps);
  if (request.builder !== 'builtin:unpack-channel') return withHostPaths(request, wishes, options, signal);
  const { tar, searchPath, programs } = findUnpackPrograms(options.impureEnvironment['PATH'] ?? '');
  return withHostPaths({ ...request, args: [tar, searchPath] }, [...wishes, ...programs], options, signal);
}

async function withHostPaths(
  request: BuildRequest,
  wishes: readonly HostPathWish[],
  { visibleHost }: BuildOptions,
  signal: AbortSignal | undefined,
): Promise<BuildRequest> {
  if (wishes.length === 0 || request.unsealed) return request;
  const given = request.hostPaths;
  return { ...request, hostPaths: await completeHostPaths(wishes, visibleHost, { given, signal }) };
}
