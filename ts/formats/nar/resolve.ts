import { AirplantError } from '../../base/errors.js';
import { quote } from '../../base/quote.js';
import type { ListedNode } from './listing.js';

/** Something in a NAR. */
export interface NarEntry {
  /** Where it really is, behind all symlinks: `lib/libx.so`, or empty for the root. */
  readonly path: string;
  readonly node: ListedNode;
}

export interface ResolveOptions {
  /** A symlink in the last place stands for what it leads to. Default false. */
  readonly follow?: boolean | undefined;
  /** The store path the NAR is of: absolute symlinks to that, or into it, are followed. */
  readonly storePath?: string | undefined;
}

/**
 * What a path in a NAR leads to. Empty components and `.` mean nothing; `..` goes back, also from where a symlink has led.
 * Throws ERR_FILE for what is not there, and for what lies outside.
 */
export function resolveInNar(root: ListedNode, path: string, options: ResolveOptions = {}): NarEntry {
  const pending = components(path).reverse();
  let trail: NarEntry[] = [{ path: '', node: root }];
  for (let hops = 0; ; ) {
    const here = trail.at(-1);
    if (!here) throw refused(path, 'leads out of the archive');
    const { node } = here;
    if (node.type === 'symlink' && (pending.length > 0 || options.follow)) {
      if (++hops > mostSymlinks) throw refused(path, 'leads through too many symlinks');
      const inside = insideOf(options.storePath, node.target);
      if (inside === undefined) throw leadsOut(here, node.target);
      // A relative one starts from the directory the symlink is in.
      trail = node.target.startsWith('/') ? trail.slice(0, 1) : trail.slice(0, -1);
      if (trail.length === 0) throw leadsOut(here, node.target);
      pending.push(...components(inside).reverse());
      continue;
    }
    const name = pending.pop();
    if (name === undefined) return here;
    if (name === '..') {
      trail.pop();
      continue;
    }
    const child = node.type === 'directory' ? node.entries.get(name) : undefined;
    if (!child) throw refused(path, 'is not in the archive');
    trail.push({ path: here.path === '' ? name : `${here.path}/${name}`, node: child });
  }
}

/** The error for something that is of another kind than it should be. */
export function wrongKind({ path, node }: NarEntry, wanted: string): AirplantError {
  const kind = node.type === 'regular' ? 'file' : node.type;
  return refused(path, `in the archive is a ${kind}, not ${wanted}`);
}

/** As many as Linux follows. */
const mostSymlinks = 40;

function components(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** What is left of a symlink's target below the root of the NAR, or all of it if it is relative. */
function insideOf(storePath: string | undefined, target: string): string | undefined {
  if (!target.startsWith('/')) return target;
  if (storePath === undefined) return undefined;
  return target === storePath || target.startsWith(`${storePath}/`)
    ? target.slice(storePath.length)
    : undefined;
}

function leadsOut({ path }: NarEntry, target: string): AirplantError {
  return refused(path, `in the archive is a symlink that leads out of it, to ${quote(target)}`);
}

function refused(path: string, what: string): AirplantError {
  return new AirplantError('ERR_FILE', `${quote(path || '.')} ${what}`, {
    hint: '`airplant nar ls -R` lists what is in an archive.',
    details: { path },
  });
}
