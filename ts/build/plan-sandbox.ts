import { planDarwinSandbox, planDarwinUnsealed } from '../sandbox/darwin.js';
import { planUnsealed } from '../sandbox/fallback.js';
import type { Identity } from '../sandbox/identity.js';
import { planLinuxSandbox } from '../sandbox/linux.js';
import type { Connection } from '../sandbox/network.js';
import type { SandboxSpec } from '../sandbox/spec.js';
import type { StoreDirectories } from '../store/directories.js';
import type { BuildOptions } from './options.js';
import type { BuildRequest } from './records.js';
import type { Place } from './scratch.js';

/** Who is in a sandbox, and to whom it is connected. */
export interface SandboxParties {
  readonly identity: Identity;
  readonly connection: Connection | undefined;
}

/** What a sandbox depends on beside the request. */
export interface SandboxPlanContext {
  readonly options: Pick<
    BuildOptions,
    | 'sandboxBuildDirectory'
    | 'devShmSize'
    | 'filterSystemCalls'
    | 'nestedNamespaces'
    | 'sandboxSystem'
    | 'ids'
  >;
  readonly store: StoreDirectories;
}

/**
 * The sandbox a request gets, by the planner of the platform; pure. Throws what `planLinuxSandbox`, `planDarwinSandbox` and
 * `planUnsealed` throw.
 */
export function planSandbox(
  request: BuildRequest,
  place: Place,
  { identity, connection }: SandboxParties,
  { options, store }: SandboxPlanContext,
): SandboxSpec {
  const { storeDir, realStoreDir } = store;
  const { sandboxBuildDirectory, devShmSize, filterSystemCalls, nestedNamespaces } = options;
  const { sandboxSystem, ids } = options;
  const inPlace = { buildDirectory: place.buildDirectory, storeDir, realStoreDir, ids: ids.caller };
  if (sandboxSystem.kind === 'darwin') {
    const plan = request.unsealed ? planDarwinUnsealed : planDarwinSandbox;
    return plan(request, { ...inPlace, ...sandboxSystem.host }, sandboxSystem.profiles);
  }
  if (request.unsealed) return planUnsealed(request, inPlace);
  return planLinuxSandbox(request, {
    ...place,
    storeDir,
    realStoreDir,
    sandboxBuildDirectory,
    devShmSize,
    filterSystemCalls,
    nestedNamespaces,
    kvm: request.features.includes('kvm'),
    identity,
    connection,
  });
}
