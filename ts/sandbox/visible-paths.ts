import { lstatSync } from 'node:fs';
import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import type { HostPathWish } from './host-paths.js';
import { findHostSource, type HostSource, type StoreNames } from './host-source.js';
import { type LoaderFiles, programFiles } from './program-files.js';
import type { HostPath } from './request.js';
import { specialKind } from './special-files.js';

/** What `completeHostPaths` asks of the machine and the store. */
export interface VisibleHost extends StoreNames {
  /** Directories of the store's own state, without symlinks: never to be shown, not even as part of another one. */
  readonly privateDirectories: readonly string[];
  readonly files: LoaderFiles;
  /** The given logical store paths with everything they refer to; rejects if one is not valid. */
  closure(paths: readonly string[]): Promise<readonly string[]>;
  /** A socket, FIFO or device in a directory (host path) or below it. Rejects with the reason of `signal`. */
  findSpecialFile(directory: string, signal?: AbortSignal): Promise<string | undefined>;
}

/**
 * Everything the sandbox has to show for somebody's wishes, in order of target, each with the reason why: the paths
 * themselves, the closure of those in the store (Nix does not do this for what a hook names), and the loader,
 * libraries and interpreters of programs. `given` is visible already; it yields to a wish for the same target, but not
 * to what a wish brings along.
 *
 * Throws ERR_SANDBOX_PATH, naming the path and who wanted it, for a source that is missing, cannot be reached or leads
 * in a circle; that leads through the store and out of it; that is, holds or lies in the store's own state; that is or holds a socket, FIFO or device and
 * is not declared writable (read-only mounts stop neither connect(2) nor writing to a FIFO or device); or that lies in
 * a writable path, where an earlier build could have put a symlink. Rejects with the reason of `signal` when it is aborted.
 */
export async function completeHostPaths(
  wishes: readonly HostPathWish[],
  host: VisibleHost,
  {
    given = [],
    signal,
  }: { readonly given?: readonly HostPath[]; readonly signal?: AbortSignal | undefined } = {},
): Promise<HostPath[]> {
  const wanted = wishes.flatMap((wish) => resolveWish(wish, host));
  const named = new Map(given.map((path): [string, Named] => [path.target, givenPath(path, host)]));
  for (const one of wanted.filter(({ path }) => !isInside(path.target, host.storeDir))) {
    named.set(one.path.target, one);
  }
  for (const one of [...named.values()]) if (isShownAnyway(one, named, host)) named.delete(one.path.target);
  refuseInsideWritable([...named.values()]);
  await refuseSpecialFiles([...named.values()], host, signal);

  const all = new Map<string, HostPath>();
  const shown = [...named.values()].filter(isDirectory).map(({ path }) => path.target);
  const withNeeds = [...named.values()].map((one) => addNeeds(one, host));
  const brought = [...(await closurePaths(wanted, host)), ...withNeeds.flatMap(({ needs }) => needs)];
  for (const path of brought) {
    if (named.has(path.target) || shown.some((directory) => isInside(path.target, directory))) continue;
    if (!all.has(path.target)) all.set(path.target, path);
  }
  for (const { path } of withNeeds) all.set(path.target, path);
  const complete = [...all.values()];
  refuseInsideWritable(complete.map((path) => ({ path, expand: false, given: false })));
  return complete.sort((a, b) => compareText(a.target, b.target));
}

/** A path that was named, and what was found at its source. */
interface Named {
  readonly path: HostPath;
  readonly expand: boolean;
  /** It was complete before, and has been checked. */
  readonly given: boolean;
  readonly source?: HostSource & { readonly kind: 'found' };
}

function givenPath(path: HostPath, host: VisibleHost): Named {
  const source = findHostSource(path.source, host);
  return { path, expand: false, given: true, ...(source.kind === 'found' ? { source } : {}) };
}

function resolveWish(wish: HostPathWish, host: VisibleHost): Named[] {
  const { expand, ...path } = wish;
  // The sandbox has one of its own instead, as in Nix.
  if (path.source === '/proc') return [{ path, expand: false, given: false }];
  const source = findHostSource(path.source, host);
  if (source.kind === 'missing') {
    if (path.optional) return [];
    const reason = isInside(path.source, host.storeDir) ? 'is not in this store' : 'does not exist';
    throw refused(path, reason, 'A `?` at the end of an item skips a source that is missing.');
  }
  if (source.kind === 'loop') throw refused(path, 'leads in a circle of symlinks');
  if (source.kind === 'refused') throw refused(path, `cannot be looked at: ${source.errno}`);
  const found = { expand, source, given: false };
  if (source.storePath === undefined) {
    // Whatever it is, somebody's build has chosen it.
    if (source.stores.length > 0) {
      const reason = `leads out of the store, to ${quote(source.path)}, by a symlink that a build has made`;
      throw refused(path, reason, 'Name the path it leads to if builds are to see it.');
    }
    refusePrivate(path, source.path, host);
    return [{ ...found, path: { ...path, source: source.path } }];
  }
  // What was named inside the store is shown at its logical place, and whole.
  const inside = [host.storeDir, host.realStoreDir].some((directory) => isInside(path.source, directory));
  const store = `${host.storeDir}/${source.stores[0]}`;
  return path.target === path.source && inside
    ? [{ ...found, path: { ...path, source: realPath(store, host), target: store, readOnly: true } }]
    : [{ ...found, path: { ...path, source: source.path, readOnly: true } }];
}

function refusePrivate(path: HostPath, real: string, { privateDirectories }: VisibleHost): void {
  const own = privateDirectories.find((one) => one === real || isInside(real, one) || isInside(one, real));
  if (own === undefined) return;
  const how = isInside(own, real) ? 'holds' : 'lies in';
  throw refused(
    path,
    `${how} the store's own state, ${own}`,
    'Name the files and directories beside it one by one.',
  );
}

/** True for what another directory shows at the very same place. A mount upon it could not even be made where that is a symlink. */
function isShownAnyway({ path }: Named, named: ReadonlyMap<string, Named>, host: VisibleHost): boolean {
  return [...named.values()].some((one) => {
    const outer = one.path;
    if (!isDirectory(one) || !isInside(path.target, outer.target)) return false;
    if (!path.readOnly && outer.readOnly) return false;
    const there = findHostSource(outer.source + path.target.slice(outer.target.length), host);
    return there.kind === 'found' && there.path === path.source;
  });
}

/** Whoever could write to a directory could put a symlink in the place of what is in it. */
function refuseInsideWritable(named: readonly Named[]): void {
  const writable = named.filter(({ path }) => !path.readOnly).map(({ path }) => path);
  for (const { path, source } of named) {
    const places = [path.source, ...(source?.links ?? [])];
    const outer = writable.find((one) => places.some((place) => isInside(place, one.source)));
    if (outer) throw refused(path, `is reached through ${quote(outer.source)}, which builds may write to`);
  }
}

async function refuseSpecialFiles(
  named: readonly Named[],
  host: VisibleHost,
  signal: AbortSignal | undefined,
): Promise<void> {
  const readOnly = named.filter(
    ({ path, given, source }) => path.readOnly && !given && source && source.storePath === undefined,
  );
  const directories = readOnly.filter(isDirectory);
  for (const { path, source } of readOnly) {
    const kind = specialKind(source!.stats);
    if (kind) throw refused(path, `is ${kind}`, howToAllow);
  }
  for (const { path } of directories) {
    // The outer one is looked through as well.
    if (directories.some((other) => isInside(path.source, other.path.source))) continue;
    const special = await findSpecialFile(path, host, signal);
    if (special === undefined) continue;
    const kind = specialKind(lstatSync(special, { throwIfNoEntry: false })) ?? 'a special file';
    throw refused(path, `holds ${kind}, ${quote(special)}`, howToAllow);
  }
}

async function findSpecialFile(
  path: HostPath,
  host: VisibleHost,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return await host.findSpecialFile(path.source, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    const { code, path: where } = cause as NodeJS.ErrnoException;
    const place = where === undefined ? '' : ` in ${quote(where)}`;
    throw refused(path, `cannot be searched for sockets: ${code}${place}`, howToAllow);
  }
}

const howToAllow =
  'Being read-only does not keep a builder from talking to whoever is at the other end. Name what is needed beside it, or declare the path in `writable-sandbox-paths` if builds may have it.';

async function closurePaths(wanted: readonly Named[], host: VisibleHost): Promise<HostPath[]> {
  const paths: HostPath[] = [];
  const seen = new Set<string>();
  for (const { path, expand, source } of wanted) {
    if (!source || source.storePath === undefined) continue;
    const roots = source.stores.map((base) => `${host.storeDir}/${base}`);
    const closure = expand ? await closureOf(path, roots, host) : roots;
    for (const one of closure) {
      if (seen.has(one)) continue;
      seen.add(one);
      const why = roots.includes(one) ? path.why : `in the closure of ${roots[0]}; ${path.why}`;
      paths.push({ target: one, source: realPath(one, host), optional: false, readOnly: true, why });
    }
  }
  return paths;
}

async function closureOf(
  path: HostPath,
  roots: readonly string[],
  host: VisibleHost,
): Promise<readonly string[]> {
  try {
    return await host.closure(roots);
  } catch (cause) {
    throw refused(path, `is not in this store: ${(cause as Error).message}`);
  }
}

/** What a program needs. The program itself says in its reason what was not found. */
function addNeeds(one: Named, host: VisibleHost): { path: HostPath; needs: readonly HostPath[] } {
  const { path, expand, source } = one;
  if (!expand || !source?.stats.isFile() || source.storePath !== undefined) return { path, needs: [] };
  const { paths, missing } = programFiles(host.files, path);
  if (missing.length === 0) return { path, needs: paths };
  const why = `${path.why}; not on this machine: ${missing.join('; ')}`;
  return { path: { ...path, why }, needs: paths };
}

function isDirectory({ source }: Named): boolean {
  return source?.stats.isDirectory() ?? false;
}

function realPath(storePath: string, { storeDir, realStoreDir }: StoreNames): string {
  return realStoreDir + storePath.slice(storeDir.length);
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`) && path !== directory;
}

function refused(path: HostPath, reason: string, hint?: string): AirplantError {
  return new AirplantError(
    'ERR_SANDBOX_PATH',
    `the sandbox path ${quote(path.source)} ${reason} (${path.why})`,
    {
      hint,
      details: { source: path.source, target: path.target },
    },
  );
}
