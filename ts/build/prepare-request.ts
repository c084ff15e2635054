import type { Derivation } from '../derivation/derivation.js';
import { derivationOptions } from '../derivation/options.js';
import { completeHostPaths } from '../sandbox/visible-paths.js';
import { hostDependencies } from './host-dependencies.js';
import type { BuildOptions } from './options.js';
import type { BuildRequest } from './records.js';
import { makeRequest } from './request.js';

/**
 * The request for a derivation, with the host paths it asks for itself (`__impureHostDeps`) looked up.
 *
 * Throws what `makeRequest`, `hostDependencies` and `completeHostPaths` throw.
 */
export async function prepareRequest(
  job: { drvPath: string; derivation: Derivation; inputs: readonly string[] },
  storeDir: string,
  options: BuildOptions,
): Promise<BuildRequest> {
  const request = makeRequest(job, storeDir, options);
  const { impureHostDeps } = derivationOptions(job.derivation);
  const wishes = hostDependencies(job.drvPath, impureHostDeps, options.allowedImpureHostDeps);
  if (wishes.length === 0) return request;
  return { ...request, hostPaths: await completeHostPaths(wishes, options.visibleHost, request.hostPaths) };
}
