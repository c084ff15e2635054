import { addrNoRandomize } from './personality.js';
import type { BuildRequest } from './request.js';

/** What a request cannot do without. */
type Needed = Pick<BuildRequest, 'name' | 'system' | 'builder' | 'args'>;

/** A request with one output, `out`, known to the builder by its variable, and nothing that is not asked for. */
export function plainRequest(
  scratchPath: string,
  { name, system, builder, args, ...more }: Needed & Partial<BuildRequest>,
): BuildRequest {
  return {
    name,
    system,
    builder,
    args,
    env: [['out', scratchPath]],
    files: [],
    inputs: [],
    outputs: [{ name: 'out', scratchPath }],
    rewrites: [],
    hostPaths: [],
    limits: { timeoutSeconds: 0, maxSilentSeconds: 0, maxLogBytes: 0 },
    network: 'none',
    features: [],
    personality: addrNoRandomize,
    ...more,
  };
}
