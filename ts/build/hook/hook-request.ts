import type { StoreNames } from '../../sandbox/host-source.js';
import type { BuildRequest } from '../records.js';

/** What a hook reads on its standard input: one JSON object (docs/sandbox-paths.md), whichever dialect it answers in. */
export function describeRequest(
  request: BuildRequest,
  { drvPath, root, store }: { drvPath: string; root: string | undefined; store: StoreNames },
): string {
  const { name, system, builder, args, env, inputs, outputs, features, network, limits, hostPaths } = request;
  return `${JSON.stringify({
    version: 1,
    drvPath,
    sealed: !request.unsealed,
    root: root ?? null,
    storeDir: store.storeDir,
    realStoreDir: store.realStoreDir,
    name,
    system,
    builder,
    args,
    environment: Object.fromEntries(env),
    inputs,
    outputs: Object.fromEntries(outputs.map((output) => [output.name, output.scratchPath])),
    features,
    network,
    limits,
    paths: hostPaths.map(({ target, source, readOnly, why }) => ({ target, source, readOnly, why })),
  })}\n`;
}
