import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import { compareText } from '../base/text.js';
import type { HostPath } from './request.js';

/**
 * One item of `sandbox-paths`, `[target=]source[?]`, as Nix writes them: `source` on the host shows up as `target`
 * (or under its own name), and a final `?` means that a missing source is skipped. Read-only unless said otherwise.
 * Throws ERR_SANDBOX_PATH for anything but absolute paths without `..`.
 */
export function parseHostPath(item: string, meta: { why: string; readOnly?: boolean }): HostPath {
  const optional = item.endsWith('?');
  const text = optional ? item.slice(0, -1) : item;
  const equals = text.indexOf('=');
  const source = normalise(equals < 0 ? text : text.slice(equals + 1), item);
  const target = equals < 0 ? source : normalise(text.slice(0, equals), item);
  return { target, source, optional, readOnly: meta.readOnly ?? true, why: meta.why };
}

/** What a store must answer for host paths that name store paths. */
export interface StoreView {
  /** Logical store directory, `/nix/store`. */
  readonly storeDir: string;
  /** Where a logical path below the store directory lies on the host. */
  realPath(path: string): string;
  /** The given logical store paths with everything they refer to; throws if one is not valid. */
  closure(paths: readonly string[]): readonly string[];
}

/**
 * Host paths that point into the store, made complete: a source such as `/nix/store/…-busybox/bin/busybox` is bound
 * from where it really lies, and the closure of its store path becomes visible too. Nix does this for its settings
 * but not for paths a hook names; here every path is treated alike. Paths elsewhere are passed through.
 */
export function closeHostPaths(paths: readonly HostPath[], store: StoreView): HostPath[] {
  const inStore = paths.filter(({ source }) => source.startsWith(`${store.storeDir}/`));
  const roots = [...new Set(inStore.map(({ source }) => storePathOf(source, store.storeDir)))];
  const closed = new Map<string, HostPath>();
  if (roots.length > 0) {
    const why = `needed by ${inStore.map((path) => path.source).join(', ')}`;
    for (const path of store.closure(roots)) {
      const entry = { target: path, source: store.realPath(path), optional: false, readOnly: true, why };
      closed.set(path, entry);
    }
  }
  for (const path of paths) {
    // A store path named as itself is in the closure already.
    if (path.target === path.source && closed.has(path.target)) continue;
    closed.set(
      path.target,
      inStore.includes(path) ? { ...path, source: store.realPath(path.source), readOnly: true } : path,
    );
  }
  return [...closed.values()].sort((a, b) => compareText(a.target, b.target));
}

function storePathOf(path: string, storeDir: string): string {
  const end = path.indexOf('/', storeDir.length + 1);
  return end < 0 ? path : path.slice(0, end);
}

/** An absolute path without empty and `.` components and without a final slash. */
function normalise(path: string, item: string): string {
  const refuse = (reason: string) =>
    new AirplantError('ERR_SANDBOX_PATH', `the sandbox path ${quote(item)} ${reason}`, {
      details: { item },
    });
  if (path === '') throw refuse('has an empty side');
  if (path.includes('\0')) throw refuse('holds a NUL character');
  if (!path.startsWith('/')) throw refuse(`is not absolute: ${quote(path)}`);
  const components = path.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw refuse('holds `..`');
  if (components.some((component) => Buffer.byteLength(component) > 255)) {
    throw refuse('holds a component of more than 255 bytes');
  }
  return `/${components.join('/')}`;
}
