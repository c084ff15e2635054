import { compareText } from '../base/text.js';
import type { SandboxCommand, SandboxEntry, SandboxSpec } from './spec.js';

/** What is to run on the caller's own machine, with a chroot store where its paths say. */
export interface InteractiveRequest {
  /** Logical store directory, `/nix/store`. */
  readonly storeDir: string;
  /** Where it lies on the host. */
  readonly realStoreDir: string;
  /** The caller's effective ids; they are the same inside. */
  readonly ids: { readonly uid: number; readonly gid: number };
  readonly command: SandboxCommand;
  /** Names in a host directory, in any order; none where there is no such directory. */
  readonly list: (directory: string) => readonly string[];
}

/**
 * The view of `airplant run` and `airplant shell`: the host as it is, except that the store is at its logical place,
 * read-only. Nothing is sealed: terminal, processes, network, system calls and files are the caller's. It takes a user and a mount
 * namespace since an ordinary user can mount nothing without them.
 *
 * The root is a fresh tmpfs, as the host's `/` cannot be given a `/nix`; whatever else the host has there is bound
 * into it, and the same beside each directory on the way to the store. A working directory that the store hides
 * becomes `/`. Pure but for `list`.
 */
export function planInteractive(request: InteractiveRequest): SandboxSpec {
  const { ids, command } = request;
  const store = storeEntries(request);
  const hidden = store[0]!.target;
  return {
    version: 1,
    backend: { kind: 'linux-namespaces' },
    root: { kind: 'tmpfs' },
    namespaces: { pid: false, ipc: false, uts: false, network: 'host' },
    ids,
    hostname: '',
    domainname: '',
    entries: [...hostEntries(hidden, request.list), ...store],
    command: { ...command, cwd: isWithin(command.cwd, hidden) ? '/' : command.cwd },
    limits: { rlimits: [] },
    personality: 0,
    filter: 'none',
    session: 'interactive',
  };
}

/**
 * The store, and with it the directory around it where that is part of the chroot (`…/root/nix` becomes `/nix`,
 * so that the database and the profiles are in place as well). The outermost comes first.
 */
function storeEntries(request: InteractiveRequest): SandboxEntry[] {
  const { storeDir, realStoreDir } = request;
  const parent = parentOf(storeDir);
  const store = bind(realStoreDir, storeDir, { readOnly: true, optional: false, why: 'the store' });
  if (parent === '/' || !realStoreDir.endsWith(storeDir)) return [store];
  const around = { readOnly: false, optional: false, why: 'the state of the store' };
  return [bind(parentOf(realStoreDir), parent, around), store];
}

/** Everything of the host but `hidden`, from the root downwards. */
function hostEntries(hidden: string, list: InteractiveRequest['list']): SandboxEntry[] {
  const components = hidden.split('/').slice(1);
  return components.flatMap((component, depth) => {
    const directory = components
      .slice(0, depth)
      .map((name) => `/${name}`)
      .join('');
    const names = list(directory || '/').filter((name) => name !== component);
    return [...names].sort(compareText).map((name) => {
      const path = `${directory}/${name}`;
      // What vanishes in the meantime is no reason to fail.
      return bind(path, path, { readOnly: false, optional: true, why: 'the host' });
    });
  });
}

function bind(
  source: string,
  target: string,
  how: { readOnly: boolean; optional: boolean; why: string },
): SandboxEntry {
  return { kind: 'bind', source, target, follow: false, ...how };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
