import { posix } from 'node:path';
import type { Tried } from './attempt-log.js';
import type { CulpritKind } from './culprit.js';

/** What is known of the sandbox in which something was missed. */
export interface Surroundings {
  readonly storeDir: string;
  /** Store paths it shows, or that the builder makes. */
  readonly known: ReadonlySet<string>;
  /** The build directory, as the builder sees it. */
  readonly buildDirectory: string;
}

/** A thing that was missed, by whatever names it was tried. */
export interface Miss {
  readonly kind: CulpritKind;
  /** Same for all attempts to reach the same thing. */
  readonly name: string;
}

/** What an attempt that failed was after; undefined for what is no miss at all. Pure. */
export function classify(tried: Tried, surroundings: Surroundings): Miss | undefined {
  const { path, missing, intent, errno } = tried;
  if (intent === 'connect') return connection(tried);
  if (!missErrors.has(errno)) return undefined;
  if (missing !== undefined) {
    return { kind: isLoader(missing) ? 'loader' : 'interpreter', name: missing };
  }
  const name = posix.basename(path);
  const store = inStore(path, surroundings);
  // What a search through directories is after is not the one in this directory.
  if (isLibrary(name)) return { kind: 'library', name };
  if (isHeader(name)) return { kind: 'header', name };
  if (isWithin(path, surroundings.buildDirectory) || isWithin(path, '/tmp')) {
    return { kind: 'build-file', name: path };
  }
  if (store) return store;
  if (intent === 'execute' || /\/s?bin\/[^/]+$/.test(path) || path.startsWith('/path-not-set/')) {
    return { kind: 'program', name };
  }
  if (/^\/dev(\/|$)/.test(path)) return { kind: 'device', name: path };
  if (/^\/(proc|sys)(\/|$)/.test(path)) return { kind: 'kernel-file', name: path };
  if (path === '/etc/resolv.conf') return { kind: 'network', name: 'name service' };
  if (/^\/(homeless-shelter|home|root|Users)(\/|$)/.test(path)) return { kind: 'home', name: path };
  return { kind: wantsToWrite(tried) ? 'write' : 'file', name: path };
}

/** True for a search that failed here and found what it was after elsewhere. */
export function isFoundElsewhere({ kind, name }: Miss, found: ReadonlySet<string>): boolean {
  return searched.has(kind) && found.has(name);
}

const searched: ReadonlySet<CulpritKind> = new Set(['program', 'library', 'header']);

// EPERM, ENOENT, ENXIO, EACCES, ENODEV, ENOTDIR, EROFS
const missErrors: ReadonlySet<number> = new Set([1, 2, 6, 13, 19, 20, 30]);

/** Only what leads out of the sandbox, or asks a name server, which a resolver without resolv.conf looks for in here. */
function connection({ path, errno }: Tried): Miss | undefined {
  if (path.startsWith('unix:/')) return errno === 0 ? undefined : { kind: 'socket', name: path.slice(5) };
  if (!path.startsWith('inet')) return undefined;
  if (/:53$/.test(path)) return { kind: 'network', name: 'name service' };
  // ECONNREFUSED comes from a server that is to be in here.
  return errno === 0 || errno === 111 ? undefined : { kind: 'network', name: path.replace(/^inet6?:/, '') };
}

function inStore(path: string, { storeDir, known }: Surroundings): Miss | undefined {
  if (!path.startsWith(`${storeDir}/`)) return undefined;
  const storePath = path.split('/', storeDir.split('/').length + 1).join('/');
  if (known.has(storePath)) return { kind: 'not-in-input', name: path };
  return { kind: 'undeclared-input', name: storePath };
}

function wantsToWrite({ intent, flags, errno }: Tried): boolean {
  const writes = intent === 'open' && ((flags & 3) !== 0 || (flags & 0o100) !== 0);
  return intent === 'make' || writes || errno === 30;
}

function isLibrary(name: string): boolean {
  return /^lib.*\.(so(\.[\d.]+)?|a|la|dylib)$/.test(name) || /\.so(\.\d+)+$/.test(name);
}

function isHeader(name: string): boolean {
  return /\.(h|hh|hpp|hxx|H|inc)(\.gch)?$/.test(name);
}

function isLoader(path: string): boolean {
  return /\/ld(-linux|-musl|64)?[^/]*\.so(\.\d+)*$/.test(path);
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
