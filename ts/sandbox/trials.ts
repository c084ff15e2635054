import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withoutPrivateNetwork } from '../doctor/network.js';
import type { DefaultShell } from './default-shell.js';
import { hostSpec } from './fallback.js';
import type { Identity } from './identity.js';
import { sealedLimits } from './limits.js';
import { planLinuxSandbox } from './linux.js';
import { deviceEntries, pseudoFileSystemEntries } from './linux-devices.js';
import { plainRequest } from './plain-request.js';
import type { BuildRequest } from './request.js';
import type { NetworkHelper, SandboxEntry, SandboxNamespaces, SandboxSpec } from './spec.js';

/** One thing a sealed build needs, tried with a sandbox that has little else. */
export interface Trial {
  readonly name: string;
  /** What users have to do without where it fails. */
  readonly cost: string;
  /** Builds can be sealed without it. */
  readonly optional?: boolean;
  /** The sandbox to try, its command being a shell that does nothing; `root` is an empty directory. */
  readonly spec: (root: string) => SandboxSpec;
}

/** What every other trial rests on, the parts one by one, and an ordinary build. */
export interface Trials {
  readonly first: Trial;
  readonly parts: readonly Trial[];
  readonly whole?: Trial;
}

/** The trials on Linux. `shell` is what runs in them, as `identity`. */
export function linuxTrials(shell: DefaultShell, identity: Identity): Trials {
  const trial = (name: string, cost: string, more: Part = {}): Trial => ({
    name,
    cost,
    spec: (root) => smallSpec(root, shell, identity, more),
  });
  const sealed = 'Nothing can be built in a sandbox, and nothing at all in a store that is not at its place.';
  const pid = { pid: true };
  const [proc, shm, ...terminals] = pseudoFileSystemEntries({ devShmSize: '50%', hostDevices: false });
  return {
    first: trial(
      'user and mount namespaces, read-only mounts',
      `${sealed} \`airplant run\` does not work either.`,
    ),
    parts: [
      trial('processes of their own', sealed, { namespaces: pid }),
      trial('/proc of their own', sealed, { namespaces: pid, entries: [proc!] }),
      trial('System V and POSIX IPC of their own', sealed, { namespaces: { ipc: true } }),
      trial('a host name of their own', sealed, { namespaces: { uts: true } }),
      trial('a network of their own', sealed, { namespaces: { network: 'private' } }),
      trial('a control group of their own', sealed, { namespaces: { cgroup: true } }),
      trial('devices', sealed, { entries: deviceEntries({ kvm: false }) }),
      trial('shared memory of their own', sealed, { entries: [shm!] }),
      trial('terminals of their own', sealed, { entries: terminals }),
      trial('a filter for system calls', 'Nothing can be built unless `filter-syscalls` is false.', {
        filter: 'sealed',
      }),
    ],
    whole: { name: 'a whole build', cost: sealed, spec: (root) => wholeSpec(root, shell, identity) },
  };
}

/** The trial of a network that a helper connects; ordinary builds do without. */
export function networkTrial(shell: DefaultShell, identity: Identity, networkHelper: NetworkHelper): Trial {
  const namespaces = { pid: true, network: 'private' } as const;
  return {
    name: 'a connected network of their own',
    cost: withoutPrivateNetwork,
    optional: true,
    spec: (root) => ({ ...smallSpec(root, shell, identity, { namespaces }), networkHelper }),
  };
}

/** The trial on macOS: whether profiles are taken at all. */
export function darwinTrials(ids: { readonly uid: number; readonly gid: number }): Trials {
  return {
    first: {
      name: 'seatbelt profiles',
      cost: 'Nothing can be built in a sandbox.',
      spec: (root) => ({
        ...hostSpec(request('/bin/sh', ':'), {
          buildDirectory: root,
          storeDir: root,
          realStoreDir: root,
          ids,
        }),
        backend: {
          kind: 'darwin-seatbelt',
          profile: '(version 1)\n(allow default)\n',
          parameters: [],
          sealed: false,
        },
      }),
    },
    parts: [],
  };
}

/** What a trial has besides a root with a shell in it. */
interface Part {
  readonly namespaces?: Partial<SandboxNamespaces>;
  readonly entries?: readonly SandboxEntry[];
  readonly filter?: SandboxSpec['filter'];
}

/** A sandbox with a shell and little else. */
export function smallSpec(
  root: string,
  shell: DefaultShell,
  identity: Identity,
  part: Part = {},
): SandboxSpec {
  return {
    version: 1,
    backend: { kind: 'linux-namespaces' },
    root: { kind: 'directory', path: root },
    namespaces: { pid: false, ipc: false, uts: false, network: 'host', ...part.namespaces },
    ...identity,
    hostname: 'localhost',
    domainname: '(none)',
    entries: [
      ...shell.paths.map((path): SandboxEntry => ({ kind: 'bind', ...path, follow: true })),
      ...(part.entries ?? []),
    ],
    command: { path: '/bin/sh', argv: ['sh', '-c', ':'], env: [], cwd: '/', umask: 0o022 },
    limits: sealedLimits,
    personality: 0,
    filter: part.filter ?? 'none',
    session: 'sealed',
  };
}

/** As a derivation with one output would be built, by the same planner. */
function wholeSpec(root: string, shell: DefaultShell, identity: Identity): SandboxSpec {
  const make = (name: string) => {
    const directory = join(root, name);
    mkdirSync(directory, { mode: 0o700 });
    return directory;
  };
  return planLinuxSandbox(
    { ...request('/bin/sh', 'echo works > "$out"'), hostPaths: shell.paths },
    {
      root: make('root'),
      outputDirectory: make('outputs'),
      buildDirectory: make('build'),
      temporaryDirectory: make('tmp'),
      sandboxBuildDirectory: '/build',
      storeDir: '/nix/store',
      realStoreDir: make('store'),
      devShmSize: '50%',
      kvm: false,
      filterSystemCalls: true,
      nestedNamespaces: true,
      identity,
    },
  );
}

function request(builder: string, script: string): BuildRequest {
  return plainRequest('/nix/store/00000000000000000000000000000000-doctor', {
    name: 'doctor',
    system: '',
    builder,
    args: ['-c', script],
  });
}
