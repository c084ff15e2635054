import type { SandboxSpec } from '../sandbox/spec.js';
import type { LocalStore } from '../store/local-store.js';
import { foreseenInputs } from './inputs.js';
import type { LocalExecutor } from './local-executor.js';
import type { BuildOptions } from './options.js';
import { prepareRequest } from './prepare-request.js';
import type { BuildRequest } from './records.js';
import { placeOf, scratchOf } from './scratch.js';

/** The sandbox a derivation would be built in, as far as that can be told without building its inputs. */
export async function planDerivation(
  drvPath: string,
  { store, options, executor }: { store: LocalStore; options: BuildOptions; executor: LocalExecutor },
): Promise<SandboxSpec> {
  const derivation = store.readDerivation(drvPath);
  const inputs = foreseenInputs(derivation, store);
  // What is known of a closure only once the inputs are there is written into files, which are no part of a sandbox.
  const subject = { drvPath, derivation, inputs, graphs: new Map() };
  const request = await prepareRequest(subject, store.directories.storeDir, options);
  const prepared = await tryHook(drvPath, request, options);
  const chosen = await executor.connect(prepared);
  const place = placeOf(scratchOf(store.realPath(drvPath)), { buildsIn: options.buildsIn });
  const identity = executor.foreseeIdentity(prepared);
  return executor.plan(prepared, place, { identity, connection: chosen?.connection });
}

/** The hook has to be asked what it would show. */
async function tryHook(drvPath: string, request: BuildRequest, options: BuildOptions): Promise<BuildRequest> {
  const { preBuildHook, visibleHost } = options;
  if (!preBuildHook) return request;
  const [{ applyPreBuildHook }, { dir }] = await Promise.all([
    import('./hook/pre-build-hook.js'),
    import('tmp-promise'),
  ]);
  const root = request.inPlace ? undefined : await dir({ prefix: 'airplant-root', unsafeCleanup: true });
  try {
    const { signal } = new AbortController();
    const build = { drvPath, root: root?.path, visibleHost, signal, onError: () => undefined };
    return await applyPreBuildHook(request, preBuildHook, build);
  } finally {
    await root?.cleanup();
  }
}
