import { AirplantError } from '../base/errors.js';
import { quote } from '../base/quote.js';
import type { HostPath } from './request.js';

/** A host path somebody wants the sandbox to show, still to be looked at (`completeHostPaths`). */
export interface HostPathWish extends HostPath {
  /** Bring along what it needs: the closure of a store path, the libraries of a program. */
  readonly expand: boolean;
}

/**
 * One item of `sandbox-paths`, `[target=]source[?]`, as Nix writes them: `source` on the host shows up as `target`
 * (or under its own name), and a final `?` means that a missing source is skipped. Read-only unless said otherwise.
 * Throws ERR_SANDBOX_PATH for anything but absolute paths without `..`, and for an item that can be read in two ways.
 */
export function parseHostPath(item: string, meta: { why: string; readOnly?: boolean }): HostPathWish {
  const optional = item.endsWith('?');
  const text = optional ? item.slice(0, -1) : item;
  const equals = text.indexOf('=');
  const source = text.slice(equals + 1);
  if (source.includes('=')) throw wrong(item, 'has more than one `=`');
  return {
    ...hostPath({ source, ...(equals < 0 ? {} : { target: text.slice(0, equals) }) }, item),
    optional,
    readOnly: meta.readOnly ?? true,
    why: meta.why,
    expand: true,
  };
}

/**
 * Both sides of a host path, normalised. `item` is what messages quote. Throws ERR_SANDBOX_PATH as parseHostPath does.
 */
export function hostPath(
  sides: { readonly source: string; readonly target?: string },
  item: string,
): { source: string; target: string } {
  const source = normalise(sides.source, item);
  return { source, target: sides.target === undefined ? source : normalise(sides.target, item) };
}

/** An absolute path without empty and `.` components and without a final slash. */
function normalise(path: string, item: string): string {
  if (path === '') throw wrong(item, 'has an empty side');
  // A NUL ends a path, and other control characters are nearly always a mistake in a list that was cut wrongly.
  if (/[\x00-\x1f\x7f]/.test(path)) throw wrong(item, 'holds a control character');
  if (!path.startsWith('/')) throw wrong(item, `is not absolute: ${quote(path)}`);
  const components = path.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw wrong(item, 'holds `..`');
  if (components.some((component) => Buffer.byteLength(component) > 255)) {
    throw wrong(item, 'holds a component of more than 255 bytes');
  }
  return `/${components.join('/')}`;
}

function wrong(item: string, reason: string): AirplantError {
  return new AirplantError('ERR_SANDBOX_PATH', `the sandbox path ${quote(item)} ${reason}`, {
    details: { item },
  });
}
