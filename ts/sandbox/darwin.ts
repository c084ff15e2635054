import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import type { DarwinProfiles } from './darwin-profiles.js';
import { hostSpec, requireStoreInPlace, type UnsealedPlace } from './fallback.js';
import type { BuildRequest } from './request.js';
import { allowForms, type PathFilter, quoteSbpl } from './sbpl.js';
import { checkSbpl } from './sbpl-check.js';
import type { SandboxSpec } from './spec.js';

/** What planning asks of a machine with macOS. */
export interface DarwinHost {
  /** The temporary directory of the machine, without symlinks and without a final slash. */
  readonly temporaryDirectory: string;
  /** What lies at a host path, symlinks not followed. */
  kindOf(path: string): 'directory' | 'other' | 'missing';
  /** The same file's path without symlinks; undefined if there is none. */
  realPath(path: string): string | undefined;
}

/** Where a build on macOS takes place. */
export interface DarwinPlace extends UnsealedPlace, DarwinHost {}

/**
 * The sandbox of one build on macOS: a seatbelt profile that denies everything but its inputs, outputs, host paths
 * (those of the settings, the derivation and a hook are all in the request) and what `defaults.sb` lists. There are no
 * namespaces, so the build works on the real file system and `request` must name the build directory and the scratch
 * outputs as they are there.
 *
 * Builder and owner of the store are one user. So where Nix relies on ownership, here the profile does it: inputs are
 * readable only, nothing of the store but the outputs can be written to, and of the directories on the way to what is
 * visible only the metadata can be read.
 *
 * Pure but for what it asks of `place`. Throws ERR_SANDBOX_REQUIRED for a store that lies elsewhere than its paths say,
 * ERR_SANDBOX_UNAVAILABLE for root, for a store reached by a symlink and for a network of a build's own, ERR_SANDBOX_PATH for a host path that is missing
 * or to be shown under a name it does not have, and ERR_SANDBOX_PROFILE for a profile of the derivation's that does not
 * parse.
 */
export function planDarwinSandbox(
  request: BuildRequest,
  place: DarwinPlace,
  profiles: DarwinProfiles,
): SandboxSpec {
  requireSharedNetwork(request);
  const additions = request.seatbelt?.profile ?? '';
  checkSbpl(additions, `the sandbox profile of ${quote(request.name)}`);
  const readable = readablePaths(request, place);
  const outputs = request.outputs.map(({ scratchPath }) => scratchPath);
  const everywhere = [
    ...readable.map(({ path }) => path),
    ...outputs,
    place.storeDir,
    // The current directory is found by going up from it.
    place.buildDirectory,
  ];
  const profile = [
    profiles.defaults,
    ...(request.network === 'none' ? [] : [profiles.network]),
    // An output may become a file or a directory; `subpath` takes in both.
    ...section('Outputs.', 'file-read* file-write* process-exec', outputs.map(subpath)),
    ...section('Inputs and host paths.', 'file-read* process-exec', readable),
    ...section(
      'Host paths that may be written to.',
      'file-write*',
      readable.filter(({ writable }) => writable),
    ),
    // Without this no program can be loaded; the top of the file system is no secret.
    '; Directories on the way to all of these.\n(allow file-read* (literal "/"))\n' +
      allowForms('file-read-metadata', ancestors(everywhere).map(literal)),
    ...(additions === '' ? [] : [`; The derivation's own.\n${additions}\n`]),
    lastWord(place.storeDir, outputs),
  ].join('\n');
  return confined(request, place, { profile, sealed: true });
}

/** There are no network namespaces on macOS: a build has the machine's network or none. */
function requireSharedNetwork({ name, network }: BuildRequest): void {
  if (network !== 'private') return;
  throw new AirplantError(
    'ERR_SANDBOX_UNAVAILABLE',
    `${quote(name)} cannot have a network of its own: macOS has none to give`,
    { hint: 'Set `fixed-output-network` to `auto` or `host`.' },
  );
}

/**
 * A build on macOS outside the sandbox, for `sandbox = false`: `planUnsealed` but that no setuid or setgid file can be
 * made. Throws as `planUnsealed` does, and ERR_SANDBOX_UNAVAILABLE for root and for a store reached by a symlink.
 */
export function planDarwinUnsealed(
  request: BuildRequest,
  place: DarwinPlace,
  profiles: DarwinProfiles,
): SandboxSpec {
  return confined(request, place, { profile: profiles.minimal, sealed: false });
}

function confined(
  request: BuildRequest,
  place: DarwinPlace,
  { profile, sealed }: { readonly profile: string; readonly sealed: boolean },
): SandboxSpec {
  requireDarwinStore(place);
  requireResolved(place);
  requireOrdinaryUser(place);
  const spec = hostSpec(request, place);
  const network = sealed && request.network === 'none' ? 'private' : 'host';
  return {
    ...spec,
    namespaces: { ...spec.namespaces, network },
    backend: {
      kind: 'darwin-seatbelt',
      profile,
      parameters: [
        ['_NIX_BUILD_TOP', place.buildDirectory],
        ['_GLOBAL_TMP_DIR', place.temporaryDirectory],
        ...(request.seatbelt?.localNetwork ? [['_ALLOW_LOCAL_NETWORKING', '1'] as const] : []),
      ],
      sealed,
    },
  };
}

/** Throws ERR_SANDBOX_REQUIRED for a store that lies elsewhere than its paths say: there are no mounts that could help. */
export function requireDarwinStore(place: Pick<DarwinPlace, 'storeDir' | 'realStoreDir'>): void {
  const hint =
    'On macOS no sandbox can show it there. Use a store whose files lie where its paths say: NIX_STORE_DIR names one.';
  requireStoreInPlace(place, hint);
}

/** The kernel compares the paths of a profile with resolved ones. */
function requireResolved({ storeDir, realPath }: DarwinPlace): void {
  const real = realPath(storeDir) ?? storeDir;
  if (real === storeDir) return;
  throw new AirplantError(
    'ERR_SANDBOX_UNAVAILABLE',
    `the store directory ${quote(storeDir)} is reached by a symlink, which no profile can allow`,
    { hint: `Name it by its own path, ${quote(real)}.` },
  );
}

/** A profile confines root much less, and there is no other id a builder could be given. */
function requireOrdinaryUser({ ids }: DarwinPlace): void {
  if (ids.uid !== 0) return;
  throw new AirplantError('ERR_SANDBOX_UNAVAILABLE', 'builds on macOS do not run as root', {
    hint: 'Run airplant as an ordinary user.',
  });
}

/** The last rule that matches wins, so these hold whatever came before, a derivation's own profile included. */
function lastWord(storeDir: string, outputs: readonly string[]): string {
  return [
    '; Nothing of the store but the outputs can be written to, and no setuid or setgid file made.',
    `(deny file-write* (subpath ${quoteSbpl(storeDir)}))`,
    allowForms('file-write*', outputs.map(subpath)).trimEnd(),
    '(allow file-write* (subpath (param "_NIX_BUILD_TOP")))',
    '(deny file-write-setugid)\n',
  ].join('\n');
}

function section(title: string, operations: string, paths: readonly PathFilter[]): string[] {
  return paths.length === 0 ? [] : [`; ${title}\n${allowForms(operations, paths)}`];
}

function subpath(path: string): PathFilter {
  return { path, filter: 'subpath' };
}

function literal(path: string): PathFilter {
  return { path, filter: 'literal' };
}

function readablePaths(
  request: BuildRequest,
  place: DarwinPlace,
): (PathFilter & { readonly writable: boolean })[] {
  const paths = new Map<string, PathFilter & { writable: boolean }>();
  for (const { source, target, optional, readOnly } of request.hostPaths) {
    if (source !== target && place.realPath(target) !== source) {
      throw new AirplantError(
        'ERR_SANDBOX_PATH',
        `the sandbox path ${quote(source)} cannot be shown as ${quote(target)}: macOS has no mounts of one's own`,
      );
    }
    const kind = place.kindOf(source);
    if (kind === 'missing' && optional) continue;
    if (kind === 'missing') {
      throw new AirplantError('ERR_SANDBOX_PATH', `the sandbox path ${quote(source)} does not exist`, {
        hint: 'End it with `?` to do without when it is missing.',
      });
    }
    paths.set(source, { path: source, filter: filterFor(kind), writable: !readOnly });
    // A symlink by its own name; what is to be read lies where it leads.
    if (source !== target) paths.set(target, { path: target, filter: 'literal', writable: false });
  }
  for (const path of request.inputs) {
    paths.set(path, { path, filter: filterFor(place.kindOf(path)), writable: false });
  }
  for (const { scratchPath } of request.outputs) paths.delete(scratchPath);
  return [...paths.values()].sort((a, b) => compareText(a.path, b.path));
}

function filterFor(kind: ReturnType<DarwinPlace['kindOf']>): PathFilter['filter'] {
  return kind === 'directory' ? 'subpath' : 'literal';
}

/** Every directory above the paths but `/`, in order. */
function ancestors(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      found.add(path.slice(0, end));
    }
  }
  return [...found].sort(compareText);
}
