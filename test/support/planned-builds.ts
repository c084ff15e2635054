import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { callersIdentity } from '../../ts/sandbox/identity.js';
import { planLinuxSandbox } from '../../ts/sandbox/linux.js';
import type { BuildRequest, HostPath } from '../../ts/sandbox/request.js';
import type { SandboxSpec } from '../../ts/sandbox/spec.js';
import { busybox } from './sandbox.js';

/** A read-only path of the host that has to be there. */
export function hostPath(target: string, source: string, more: Partial<HostPath> = {}): HostPath {
  return { target, source, optional: false, readOnly: true, why: 'a test', ...more };
}

/** The shell and its applets. */
export const shellPaths: readonly HostPath[] = [
  hostPath('/bin/sh', busybox),
  hostPath('/bin/busybox', busybox),
];

/** Where a sandbox that is planned by hand takes place. */
export class PlannedPlace {
  /** Physical store with the inputs. */
  readonly store: string;
  /** Where the builder's outputs come to lie. */
  readonly outputs: string;
  /** What the builder sees as /tmp. */
  readonly temporary: string;
  readonly #root: string;
  readonly #build: string;

  /** Makes the directories in an empty one. */
  constructor(directory: string) {
    const make = (name: string) => {
      const path = join(directory, name);
      mkdirSync(path, { mode: 0o700 });
      return path;
    };
    this.#root = make('root');
    this.store = make('store');
    this.outputs = make('outputs');
    this.temporary = make('tmp');
    this.#build = make('build');
  }

  plan(request: BuildRequest): SandboxSpec {
    return planLinuxSandbox(request, {
      root: this.#root,
      outputDirectory: this.outputs,
      buildDirectory: this.#build,
      temporaryDirectory: this.temporary,
      sandboxBuildDirectory: '/build',
      storeDir: '/nix/store',
      realStoreDir: this.store,
      devShmSize: '50%',
      filterSystemCalls: true,
      kvm: false,
      nestedNamespaces: true,
      identity: callersIdentity,
    });
  }
}
