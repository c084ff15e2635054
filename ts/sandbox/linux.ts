import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import { planCommand } from './command.js';
import type { Identity } from './identity.js';
import { sealedLimits } from './limits.js';
import { deviceEntries, pseudoFileSystemEntries } from './linux-devices.js';
import { etcEntries } from './linux-etc.js';
import { variedSandbox } from './linux-variation.js';
import type { Connection } from './network.js';
import { addrNoRandomize, perLinux32 } from './personality.js';
import type { BuildRequest, HostPath } from './request.js';
import type { SandboxEntry, SandboxSpec } from './spec.js';

/** Where one build takes place: host directories, and the two names of the store directory. */
export interface SandboxPlace {
  /** A directory of our own that becomes `/`, with what somebody has put there. */
  readonly root: string;
  /** Host directory that becomes the build directory, mode 0700. */
  readonly buildDirectory: string;
  /** Host directory that becomes `/tmp`, mode 1777. */
  readonly temporaryDirectory: string;
  /**
   * Host directory, mode 1775, that becomes the store directory: outputs lie in it afterwards. On the store's file system, so
   * that they move by rename.
   */
  readonly outputDirectory: string;
  /** The build directory as the builder sees it, normally `/build`. */
  readonly sandboxBuildDirectory: string;
  /** Logical store directory, normally `/nix/store`. */
  readonly storeDir: string;
  /** Where the store directory lies on the host. */
  readonly realStoreDir: string;
  /** Size of /dev/shm in the terms of tmpfs, normally `50%`. */
  readonly devShmSize: string;
  /** Show /dev/kvm: the derivation requires the system feature `kvm`, which this host offers. */
  readonly kvm: boolean;
  /** Filter system calls. */
  readonly filterSystemCalls: boolean;
  /** The builder may make user namespaces of its own. */
  readonly nestedNamespaces: boolean;
  /** Who the builder is. */
  readonly identity: Identity;
  /** How the build is connected that asks for a network. Absent: it has a loopback interface and nothing else. */
  readonly connection?: Connection | undefined;
}

/**
 * The sandbox of one build on Linux. A builder sees what Nix 2.8 shows it, down to owners and modes, except that
 * all is read-only but the store directory (not the inputs in it), the build directory, `/tmp` and `/dev/shm` (see
 * `docs/differences-from-nix.md`).
 *
 * Pure: it looks at nothing on the host. An output that the builder makes at `scratchPath` lies
 * in `place.outputDirectory`, under its base name, afterwards.
 *
 * Throws ERR_STORE_PATH for an input or output outside the store, ERR_SANDBOX_PATH for a host path that would hide
 * what the build needs, and what `planCommand` throws.
 */
export function planLinuxSandbox(request: BuildRequest, place: SandboxPlace): SandboxSpec {
  for (const path of [...request.inputs, ...request.outputs.map((output) => output.scratchPath)]) {
    requireStorePath(path, place.storeDir);
  }
  const visible = visiblePaths(request, place);
  const covered = new Set(visible.map(({ target }) => target));
  const { connection, identity } = place;
  const { ids, idMaps } = identity;
  const writable = writableFor(identity);
  const spec: SandboxSpec = {
    version: 1,
    backend: { kind: 'linux-namespaces' },
    root: { kind: 'directory', path: place.root, readOnly: true },
    namespaces: {
      pid: true,
      ipc: true,
      uts: true,
      network: connection?.kind === 'host' ? 'host' : 'private',
      cgroup: true,
      nested: place.nestedNamespaces,
    },
    ...(connection?.kind === 'helper' ? { networkHelper: connection.helper } : {}),
    ...(connection?.kind === 'host' ? { scopeAbstractSockets: connection.scopeAbstractSockets } : {}),
    ids,
    ...(idMaps ? { idMaps } : {}),
    hostname: 'localhost',
    // What the kernel calls a domain name never set, and what Nix sets.
    domainname: '(none)',
    entries: [
      {
        kind: 'directory',
        target: '/',
        // Users other than root have to get in.
        mode: (ids.count ?? 1) > 1 ? 0o755 : 0o750,
        why: 'the mode Nix gives it, which outputs may record',
      },
      ...etcEntries({ home: place.sandboxBuildDirectory, uid: ids.uid, gid: ids.gid, connection }),
      writable(place.temporaryDirectory, '/tmp', 'for programs that do not heed TMPDIR'),
      writable(place.outputDirectory, place.storeDir, 'the store: inputs, and outputs to come'),
      ...(covered.has('/dev')
        ? []
        : deviceEntries({ kvm: place.kvm }).filter((entry) => !covered.has(entry.target))),
      ...visible,
      writable(place.buildDirectory, place.sandboxBuildDirectory, 'the build directory'),
      ...pseudoFileSystemEntries({ devShmSize: place.devShmSize, hostDevices: covered.has('/dev') }),
    ],
    command: planCommand(request, place.sandboxBuildDirectory),
    limits: sealedLimits,
    personality: request.personality,
    filter: place.filterSystemCalls ? 'sealed' : 'none',
    session: 'sealed',
  };
  const { variation } = request;
  return variation ? variedSandbox(spec, variation, place.sandboxBuildDirectory) : spec;
}

/**
 * Personality of builders for `system` on a machine whose `uname -m` is `machine`: no address space randomisation,
 * which gets into outputs, and for 32-bit systems a `uname -m` that says so. As Nix does.
 */
export function linuxPersonality(system: string, machine: string): number {
  const is32 = (system === 'i686-linux' && machine === 'x86_64') || /^armv(5tel|6l|7l)-linux$/.test(system);
  return addrNoRandomize | (is32 ? perLinux32 : 0);
}

/** Makes binds of directories of ours that the builder may fill. */
function writableFor({ idMaps }: Identity) {
  const how = {
    readOnly: false,
    optional: false,
    follow: false,
    ...(idMaps?.uids ? { forBuilder: true } : {}),
  };
  return (source: string, target: string, why: string): SandboxEntry => ({
    kind: 'bind',
    source,
    target,
    ...how,
    why,
  });
}

/**
 * Binds for host paths and inputs in order of target, so that parents come first. Where both name one target the
 * input wins, and what the build is to make itself is never shown.
 */
function visiblePaths(request: BuildRequest, place: SandboxPlace): (SandboxEntry & { kind: 'bind' })[] {
  const binds = new Map<string, SandboxEntry & { kind: 'bind' }>();
  for (const path of request.hostPaths) {
    // The sandbox has a /proc of its own; Nix skips it as well.
    if (path.source === '/proc') continue;
    requireHarmlessTarget(path, place);
    requireRemovable(path, place);
    // A store path may be a symlink, and is shown as one.
    const follow = !path.target.startsWith(`${place.storeDir}/`);
    // In the store nobody exchanges anything; its own place may have symlinks in it.
    const resolved = !path.source.startsWith(`${place.realStoreDir}/`);
    binds.set(path.target, { kind: 'bind', ...path, follow, ...(resolved ? { resolved } : {}) });
  }
  for (const path of request.inputs) {
    binds.set(path, {
      kind: 'bind',
      source: place.realStoreDir + path.slice(place.storeDir.length),
      target: path,
      readOnly: true,
      optional: false,
      follow: false,
      why: 'an input',
    });
  }
  for (const { scratchPath } of request.outputs) binds.delete(scratchPath);
  return [...binds.values()].sort((a, b) => compareText(a.target, b.target));
}

function requireStorePath(path: string, storeDir: string): void {
  const base = path.startsWith(`${storeDir}/`) ? path.slice(storeDir.length + 1) : '';
  if (/^[0-9A-Za-z+\-._?=]+$/.test(base) && base !== '.' && base !== '..') return;
  throw new AirplantError('ERR_STORE_PATH', `${quote(path)} is not a path in the store ${quote(storeDir)}`);
}

/** Files of subordinate ids in a directory that is not ours would stay, and their user could not remove them. */
function requireRemovable({ readOnly, source }: HostPath, { identity }: SandboxPlace): void {
  if (readOnly || identity.idMaps?.uids?.program === undefined) return;
  throw new AirplantError(
    'ERR_SANDBOX_PATH',
    `a build with subordinate ids cannot be shown the writable sandbox path ${quote(source)}: what it makes there you could not remove`,
    {
      hint: 'Leave it out of `writable-sandbox-paths` for builds that require uid-range.',
      details: { source },
    },
  );
}

/** A host path over the root, the store or the build directory would hide what a build is made of. */
function requireHarmlessTarget(path: HostPath, place: SandboxPlace): void {
  const hidden = [place.storeDir, place.sandboxBuildDirectory, '/proc'].find(
    (needed) => path.target === '/' || needed === path.target || needed.startsWith(`${path.target}/`),
  );
  if (hidden === undefined) return;
  throw new AirplantError(
    'ERR_SANDBOX_PATH',
    `the sandbox path ${quote(path.source)} cannot be shown as ${quote(path.target)}: it would hide ${hidden}`,
    { hint: 'Name the files and directories below it one by one.', details: { target: path.target } },
  );
}
