import { quote } from '../base/quote.js';
import type { Isolation, SandboxSpec } from './spec.js';

/**
 * The isolation a spec gives when it is carried out, for the record of a result. Each way in which it is weaker
 * than an ordinary sealed build is a sentence in `shortfalls`.
 *
 * `supplementaryGroups`: groups of the caller besides the effective one. A user namespace whose groups the caller maps
 * itself cannot drop them, so files that they may read stay readable where they are visible.
 */
export function describeIsolation(spec: SandboxSpec, supplementaryGroups: readonly number[]): Isolation {
  const backend = spec.backend?.kind ?? 'linux-namespaces';
  const groups =
    supplementaryGroups.length > 0 && !spec.idMaps?.gids
      ? [`The builder keeps the supplementary groups of the caller: ${supplementaryGroups.join(', ')}.`]
      : [];
  switch (backend) {
    case 'none':
      return { ...unsealed, backend, noNewPrivileges: true };
    case 'darwin-seatbelt':
      if (spec.backend?.kind === backend && !spec.backend.sealed) return { ...unsealed, backend };
      return {
        backend,
        namespaces: [],
        network: spec.namespaces.network === 'host' ? 'host' : 'none',
        readOnlyInputs: true,
        noNewPrivileges: false,
        filteredSystemCalls: false,
        shortfalls: [
          'Processes and shared memory of the host are visible: macOS has no namespaces.',
          ...(spec.namespaces.network === 'host' ? [sharedNetwork] : []),
        ],
      };
    case 'linux-namespaces':
      return {
        backend,
        namespaces: namespaceNames(spec),
        network: networkOf(spec),
        readOnlyInputs: true,
        noNewPrivileges: true,
        filteredSystemCalls: spec.filter === 'sealed',
        shortfalls: [
          ...namespaceShortfalls(spec),
          ...networkShortfalls(spec),
          ...filterShortfalls(spec),
          ...writableShortfalls(spec),
          ...groups,
        ],
      };
  }
}

const unsealed = {
  namespaces: [],
  network: 'host',
  readOnlyInputs: false,
  noNewPrivileges: false,
  filteredSystemCalls: false,
  shortfalls: ['The build is not isolated at all: it can read and change whatever the caller can.'],
} as const;

function namespaceNames({ namespaces }: SandboxSpec): string[] {
  return [
    'user',
    'mount',
    ...(namespaces.pid ? ['pid'] : []),
    ...(namespaces.ipc ? ['ipc'] : []),
    ...(namespaces.uts ? ['uts'] : []),
    ...(namespaces.network === 'private' ? ['network'] : []),
    ...(namespaces.cgroup ? ['cgroup'] : []),
  ];
}

function namespaceShortfalls({ namespaces }: SandboxSpec): string[] {
  return [
    ...(namespaces.pid ? [] : ['Processes of the host are visible.']),
    ...(namespaces.ipc ? [] : ['System V and POSIX IPC objects of the host are visible.']),
    ...(namespaces.uts ? [] : ['The host name of this machine is visible.']),
    ...(namespaces.cgroup ? [] : ['The name of the control group of the caller is visible.']),
  ];
}

function networkOf({ namespaces, networkHelper }: SandboxSpec): Isolation['network'] {
  if (namespaces.network === 'host') return 'host';
  return networkHelper ? 'private' : 'none';
}

const sharedNetwork =
  'The network of the host can be used, its loopback services included, and the host can connect to the build.';

function networkShortfalls({ namespaces, scopeAbstractSockets }: SandboxSpec): string[] {
  if (namespaces.network === 'private') return [];
  return [
    sharedNetwork,
    ...(scopeAbstractSockets ? [] : ['Abstract sockets of the host can be connected to.']),
  ];
}

function filterShortfalls({ filter }: SandboxSpec): string[] {
  if (filter === 'sealed') return [];
  return ["System calls are not filtered: the caller's kernel keyrings and AF_VSOCK sockets can be reached."];
}

/** Host paths the builder may write to. They are followed, as our own directories for the build never are. */
function writableShortfalls({ entries }: SandboxSpec): string[] {
  return entries.flatMap((entry) =>
    entry.kind === 'bind' && !entry.readOnly && entry.follow
      ? [`The host path ${quote(entry.source)} can be written to.`]
      : [],
  );
}
