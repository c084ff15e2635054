import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import { hostSpec, requireStoreInPlace, type UnsealedPlace } from './fallback.js';
import type { BuildRequest } from './request.js';
import { allowForms, type PathFilter } from './sbpl.js';
import type { SandboxSpec } from './spec.js';

/** Where a build on macOS takes place. */
export interface DarwinPlace extends UnsealedPlace {
  /** The temporary directory of the machine, without symlinks. */
  readonly temporaryDirectory: string;
  /** What lies at a host path, symlinks not followed. */
  kindOf(path: string): 'directory' | 'other' | 'missing';
}

/** Texts of `sandbox-profiles/`. */
export interface DarwinProfiles {
  readonly build: string;
  readonly network: string;
}

/**
 * The sandbox of one build on macOS: a seatbelt profile that denies everything but its inputs, outputs, host paths
 * and what `build.sb` lists. There are no namespaces, so the build works on the real file system and `request`
 * must name the build directory and the scratch outputs as they are there.
 *
 * Nix also allows writing to inputs, relying on their owner; here they are readable only, since builder and owner
 * of the store are one user.
 *
 * Pure but for `place.kindOf`. Throws ERR_SANDBOX_REQUIRED for a store that lies elsewhere than its paths say, and
 * ERR_SANDBOX_PATH for a host path that is missing or to be shown under another name.
 */
export function planDarwinSandbox(
  request: BuildRequest,
  place: DarwinPlace,
  profiles: DarwinProfiles,
): SandboxSpec {
  requireStoreInPlace(place);
  const readable = readablePaths(request, place);
  const outputs = request.outputs.map(({ scratchPath }) => scratchPath);
  const everywhere = [...readable.map(({ path }) => path), ...outputs, place.storeDir];
  const profile = [
    profiles.build,
    ...(request.network === 'host' ? [profiles.network] : []),
    // An output may become a file or a directory; `subpath` takes in both.
    ...section('Outputs.', 'file-read* file-write* process-exec', outputs.map(subpath)),
    ...section('Inputs and host paths.', 'file-read* process-exec', readable),
    ...section(
      'Host paths that may be written to.',
      'file-write*',
      readable.filter(({ writable }) => writable),
    ),
    ...section('Directories on the way to all of these.', 'file-read*', ancestors(everywhere).map(literal)),
  ].join('\n');
  return {
    ...hostSpec(request, place),
    namespaces: {
      pid: false,
      ipc: false,
      uts: false,
      network: request.network === 'none' ? 'private' : 'host',
    },
    backend: {
      kind: 'darwin-seatbelt',
      profile,
      parameters: [
        ['BUILD_DIRECTORY', place.buildDirectory],
        ['TEMPORARY_DIRECTORY', place.temporaryDirectory],
      ],
    },
  };
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
    if (source !== target) {
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

/** Every directory above the paths, from `/` on, in order. */
function ancestors(paths: readonly string[]): string[] {
  const found = new Set<string>(['/']);
  for (const path of paths) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      found.add(path.slice(0, end));
    }
  }
  return [...found].sort(compareText);
}
