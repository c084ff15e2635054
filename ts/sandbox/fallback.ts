import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { planCommand } from './command.js';
import { sealedLimits } from './limits.js';
import { variedCommand } from './linux-variation.js';
import type { BuildRequest } from './request.js';
import type { SandboxCommand, SandboxSpec } from './spec.js';

/** Where an unsealed build takes place: on the host itself, as the caller. */
export interface UnsealedPlace {
  /** Host directory, also the name under which the builder knows it. */
  readonly buildDirectory: string;
  readonly storeDir: string;
  readonly realStoreDir: string;
  readonly ids: { readonly uid: number; readonly gid: number };
}

/**
 * A build without any isolation, for `sandbox = false` and never as a substitute for a sandbox that failed. The
 * command, limits, umask and session are those of a sealed build.
 *
 * Throws ERR_SANDBOX_REQUIRED for a store whose files lie elsewhere than its paths say: there the paths in the
 * command exist only inside a sandbox.
 */
export function planUnsealed(request: BuildRequest, place: UnsealedPlace): SandboxSpec {
  requireStoreInPlace(place);
  return { ...hostSpec(request, place), backend: { kind: 'none' } };
}

/** A program of the caller's own that runs beside a build, as the caller; all that it started ends with it. */
export function planHook(command: SandboxCommand, ids: UnsealedPlace['ids']): SandboxSpec {
  return { ...onHost(ids), backend: { kind: 'none' }, command, limits: { rlimits: [] }, session: 'hook' };
}

/** What the backends share that run on the caller's own file system. */
export function hostSpec(request: BuildRequest, place: UnsealedPlace): Omit<SandboxSpec, 'backend'> {
  return {
    ...onHost(place.ids),
    command: variedCommand(planCommand(request, place.buildDirectory), request.variation ?? {}),
    limits: sealedLimits,
    personality: request.personality,
    session: 'sealed',
  };
}

function onHost(ids: UnsealedPlace['ids']) {
  return {
    version: 1,
    root: { kind: 'directory', path: '/' },
    namespaces: { pid: false, ipc: false, uts: false, network: 'host' },
    ids,
    hostname: '',
    domainname: '',
    entries: [],
    personality: 0,
    filter: 'none',
  } as const;
}

/** Throws ERR_SANDBOX_REQUIRED, with this hint if there is one, unless logical and real store directory are the same. */
export function requireStoreInPlace(
  place: Pick<UnsealedPlace, 'storeDir' | 'realStoreDir'>,
  hint?: string,
): void {
  if (place.storeDir === place.realStoreDir) return;
  throw new AirplantError(
    'ERR_SANDBOX_REQUIRED',
    `the store ${quote(place.storeDir)} lies in ${quote(place.realStoreDir)}, so its paths exist in a sandbox only`,
    { hint, details: { storeDir: place.storeDir, realStoreDir: place.realStoreDir } },
  );
}
