import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AirplantError } from './base/errors.js';
import type { HashAlgorithm } from './formats/hash.js';
import type { IdMaps, SandboxSpec } from './sandbox/spec.js';

/** A path or name: a string as `base/text.ts` decodes byte strings, or the bytes themselves. */
export type NativePath = string | Uint8Array;

/**
 * The only file that loads the addon. Prebuilt binaries (`prebuilds/<platform>-<arch>[-musl]/`) come first, then
 * what `npm run build:native` compiled.
 *
 * Every native function throws (or rejects with) an `Error` that carries `code` (errno name), `errno`, `syscall`
 * and `path`, as Node's own file functions do; paths in them are strings of `base/text.ts`. Arguments of a wrong
 * type are a TypeError, thrown at once. The last component of a path is never followed if it is a symlink.
 *
 * Promises run on threads of their own, not on libuv's; as many as there are processors hash, copy or make canonical
 * at a time, the rest waits. Dumping and removing wait for others, and never for one another. Each tree is walked by
 * descriptors, in constant memory but for the names of one directory per level.
 *
 * An aborted `signal` stops the work itself within a few buffers, whatever the size of the file at hand, and rejects
 * with the signal's reason: nothing is read any more and no thread is left. Work that came to its end just before
 * still resolves.
 */
export interface NativeFileSystem {
  /**
   * flock(2) on an open descriptor. False means that another holder has it: waiting is not offered, as it would
   * block the event loop.
   */
  tryLock(fd: number, mode: 'shared' | 'exclusive'): boolean;
  unlock(fd: number): void;
  /**
   * One pass over the tree at `path`: the hash and length of its NAR, and which of `candidates` (32-character
   * hash parts; duplicates count once) occur in it. A NAR longer than `maxNarSize` bytes is `EFBIG`, noticed by the
   * size of files before they are read. Files that no NAR can hold are `EFTYPE` and are not opened; names longer
   * than 255 bytes and more than 64 files inside one another (`path` being the first) are `ENAMETOOLONG`, as no
   * reader would take them back; a file that changes while it is read is `EBUSY`.
   */
  hashTree(path: NativePath, candidates: readonly string[], options?: HashTreeOptions): Promise<TreeHash>;
  /**
   * Replaces hash parts in the tree at `path`, `from` by `to` of each pair (every `from` another): in contents, in
   * targets of symlinks and in names, but for that of `path` itself. In the same pass it says of the tree as it has
   * become what hashTree would say. Of two that overlap the first is replaced, and what was put in is not looked at
   * again, so that neither the order of the pairs nor any border of buffers matters. Only what changes is written.
   *
   * The tree must be canonical (canonicaliseTree) and is so afterwards. Stopped in the middle, or failed, it is
   * neither canonical nor of use. Fails as hashTree does; names that become the same are `EEXIST`.
   */
  rewriteTree(
    path: NativePath,
    rewrites: readonly HashRewrite[],
    candidates: readonly string[],
    options?: DumpTreeOptions & Pick<HashTreeOptions, 'maxNarSize'>,
  ): Promise<RewrittenTree>;
  /**
   * Writes the NAR of `path` to an open descriptor (file, pipe or socket, blocking or not) and returns its length.
   * The descriptor must stay open until then. A reader that has gone away is `EPIPE`. Fails as hashTree does.
   */
  dumpTree(path: NativePath, fd: number, options?: DumpTreeOptions): Promise<number>;
  /**
   * Makes a tree canonical as Nix 2.8 does: regular files, directories and symlinks only (else `EFTYPE`), extended
   * attributes and access control lists removed, modes 0444 / 0555, mtime 1 (also of symlinks), owned by the
   * caller. Works on files of the caller whatever their mode is. A file that also has names outside the tree is
   * replaced by a copy, and the outside never changes. Stopped in the middle, a part of the tree is canonical.
   */
  canonicaliseTree(path: NativePath, options?: CancelOptions): Promise<void>;
  /**
   * Removes a tree of any depth and returns the bytes freed. Missing = done, 0. Gives itself permission on directories, never leaves the tree however files are renamed meanwhile, and never
   * crosses a mount point (`EXDEV`). Stopped in the middle, a part of the tree is left.
   */
  removeTree(path: NativePath, options?: CancelOptions): Promise<RemovedTree>;
  /**
   * Copies a tree to new inodes (nothing shared with the source; `to` must not exist: `EEXIST`). Of modes only the
   * owner's x bit of files is kept. On failure, and when stopped, nothing is left at `to`.
   */
  copyTree(from: NativePath, to: NativePath, options?: CancelOptions): Promise<void>;
  /**
   * rename(2) that also moves read-only directories; `exchange` swaps both atomically (`ENOSYS` or `EINVAL` where
   * that is impossible), `no-replace` is `EEXIST` where `to` exists. Another file system is `EXDEV`.
   */
  moveTree(from: NativePath, to: NativePath, how: 'replace' | 'no-replace' | 'exchange'): void;
  /**
   * Looks for a socket, FIFO or device in the directory `path` (a symlink is followed) and all below it, mounts included.
   * Directories that are as they were when `known`, the `directories` of an earlier search (whole, or empty), was made
   * are not read again. Directories the caller may search but not read are `EACCES`, more than a million `EOVERFLOW`.
   */
  findSpecialFile(path: NativePath, known: Uint8Array, options?: CancelOptions): Promise<SpecialSearch>;

  /** Reads which inodes the files of a directory have, for `linkTrees`; none if it does not exist. */
  loadLinkInodes(path: NativePath): Promise<LinkInodes>;
  /**
   * Replaces files and symlinks of trees in the directory `store`, by their names in it, with hard links to equal ones in
   * `store/.links`, as Nix does: one there is called by the hash of its archive, in base 32. What has one of the inodes
   * `known` is passed over, and what becomes a link is added to them; without, everything is looked at. A directory in which
   * something was replaced is mode 0555 and has mtime 1 afterwards.
   *
   * A link that has another size, mode or type than the file at hand is removed and the file takes its place; so is one with
   * other contents, which is looked for where its mtime differs, and with `checkLinks` always. A link of somebody who is neither
   * the file's owner nor the caller nor root is left alone, and so is the file: he could change it later. What goes wrong in
   * one tree is among the `failures`, and does not concern the others.
   */
  linkTrees(
    store: NativePath,
    names: readonly NativePath[],
    options?: LinkTreesOptions,
  ): Promise<LinkedTrees>;

  /**
   * Opens an existing directory of the caller's (symlinks are followed) to create files in. This and the next three
   * are for restoring archives: `name` is a single path component (else `EINVAL`) that must not exist (`EEXIST`), so
   * nothing they are given leads anywhere else. Descriptors are closed with `fs.closeSync`.
   */
  openDirectory(path: NativePath): number;
  /** Makes a directory, mode 0777 under the umask, and returns its descriptor. */
  makeDirectoryAt(directory: number, name: NativePath): number;
  /** Makes a file, mode 0666 or 0777 under the umask, and returns a descriptor to write to. */
  createFileAt(directory: number, name: NativePath, executable: boolean): number;
  symlinkAt(target: NativePath, directory: number, name: NativePath): void;
}

/** How to stop work that can take hours. */
export interface CancelOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface DumpTreeOptions extends CancelOptions {
  /**
   * Names are written without the suffix of the case hack (formats/nar/case-hack.ts); two that are the same then are
   * `EEXIST`, and a name that is nothing but the suffix is `EINVAL`. Default false.
   */
  readonly caseHack?: boolean;
}

export interface HashTreeOptions extends DumpTreeOptions {
  /** Default `sha256`. */
  readonly algorithm?: HashAlgorithm;
  /** Bytes; default 2^53 - 1. */
  readonly maxNarSize?: number | undefined;
  /**
   * A hash part: the hash is then that of a tree which is addressed by it and refers to itself, as Nix computes it. Of
   * the NAR with 32 zero bytes wherever the hash part stands, followed by `|` and the decimal position of each. More
   * than four million are `EOVERFLOW`. Such references are not among `references`.
   */
  readonly modulo?: string;
}

/** The addon's handle on a set of inodes. */
export type LinkInodes = object & { readonly __linkInodes: never };

export interface LinkTreesOptions extends CancelOptions {
  readonly known?: LinkInodes | undefined;
  readonly checkLinks?: boolean;
  /** Nothing below `X.app/Contents` is linked: macOS does not allow it. */
  readonly spareApplications?: boolean;
}

export interface RemovedTree {
  /** Disk blocks of files that had no other name, and of directories. */
  readonly freed: number;
  /**
   * Sizes of the files that had no other name or a single one: what Nix takes for freed, since that name is likely the one
   * in `.links`, which goes when nothing else is left.
   */
  readonly likelyFreed: number;
}

export interface LinkedTrees {
  /** How many files have been replaced. */
  readonly filesLinked: number;
  /** Sizes of what they were replaced for. */
  readonly bytesFreed: number;
  readonly notices: readonly LinkNotice[];
  readonly failures: readonly NodeJS.ErrnoException[];
}

/** Something worth telling that is no failure. */
export interface LinkNotice {
  /**
   * `writable`: a file is left alone, as its owner may write to it. `corrupt`: a link was not what it is called, and has been
   * removed. `full`: the directory takes no more links. `many`: a link has as many names as the file system allows.
   */
  readonly kind: 'writable' | 'corrupt' | 'full' | 'many';
  /** Of the file, or of the link. */
  readonly path: string;
}

/** Hash parts of store paths. */
export type HashRewrite = readonly [from: string, to: string];

export interface TreeHash {
  /** Lower-case hex. */
  readonly hash: string;
  readonly narSize: number;
  /** In the order of the candidates. */
  readonly references: readonly string[];
}

export interface RewrittenTree extends TreeHash {
  /** How many hash parts were replaced. */
  readonly replaced: number;
}

export interface SpecialSearch {
  /** The first one found, relative to the directory searched. */
  readonly found?: string;
  /** For the next search of the same directory on this machine; empty if something was found. */
  readonly directories: Uint8Array;
}

/** What starts the launcher and talks to it; `sandbox/launch.ts` makes sandboxes of it. Descriptors are owned by the caller. */
export interface NativeLauncher {
  /**
   * Forks, and executes the launcher at `path`. `control` is a stream socket on which it answers
   * (`sandbox/launcher-reply.ts`); closing it ends the launcher and all its sandboxes.
   */
  startLauncher(path: string): { readonly pid: number; readonly control: number };
  /** Kills the launcher if it still runs; returns its wait status as waitpid(2) has it. */
  reapLauncher(pid: number): number;
  /**
   * A pseudo-terminal, in raw mode or as terminals usually are; both ends close-on-exec, reads of the master never wait
   * (EAGAIN).
   */
  openPty(mode: 'raw' | 'usual'): { readonly master: number; readonly slave: number };
  /** Has a terminal pass every byte unchanged, both ways; gives what `setTerminal` takes to undo it. */
  makeTerminalRaw(terminal: number): Uint8Array;
  setTerminal(terminal: number, settings: Uint8Array): void;
  /** Tells whoever uses a terminal how large it is. */
  setTerminalSize(terminal: number, columns: number, rows: number): void;
  /** A pipe whose ends are close-on-exec. */
  openPipe(): { readonly read: number; readonly write: number };
  /** Reads what a non-blocking descriptor has, into `buffer`; 0 when there is nothing more, and for every error. */
  readAvailable(fd: number, buffer: Uint8Array): number;
  /** The version of Landlock's interface in this kernel; 0 where there is none. */
  landlockAbi(): number;
  /**
   * Lets the main thread, and with it whatever it starts, run on every processor there is for this process's control
   * group. Commands that the launcher starts may do so anyway.
   */
  useAllProcessors(): void;
  /**
   * Asks for a sandbox. `run` names it in replies; `stdio` is one descriptor for standard output and error (standard
   * input is /dev/null then), or all three. A TypeError names the field of `spec` that is wrong.
   */
  sendLaunch(control: number, run: number, spec: SandboxSpec, stdio: readonly number[]): void;
  /**
   * Asks for everything in `directory`, an absolute path, to become the caller's, of whichever ids it is among those in
   * `idMaps`. Answered like a sandbox that ends at once.
   */
  sendTakeBack(control: number, run: number, idMaps: IdMaps, directory: string): void;
  /** Asks for the death of everything in a sandbox. One that has ended is ignored. */
  sendKill(control: number, run: number): void;
  /** Sends SIGTERM to everything in a sandbox, which may take its time; its end is reported as that of a kill. */
  sendTerminate(control: number, run: number): void;
  /** Asks for a directory to be removed if this process dies before `sendUnguard` of the same number. */
  sendGuard(control: number, guard: number, path: NativePath): void;
  sendUnguard(control: number, guard: number): void;
}

// What CommonJS is, `import` would scan for its exports first: that takes longer than to load it.
const require = createRequire(import.meta.url);

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The addon's handle on work that can be cancelled; several pieces of work may share one. */
type Cancellation = object & { readonly __cancellation: never };

/** What can be cancelled takes a Cancellation last. `path` is the file it was loaded from, which `bindings` adds. */
interface NativeAddon extends Omit<NativeFileSystem, keyof Cancellable>, NativeLauncher, Cancellable {
  readonly path: string;
  newCancellation(): Cancellation;
  cancel(cancellation: Cancellation): void;
}

interface Cancellable {
  hashTree(
    path: NativePath,
    candidates: readonly string[],
    options: Omit<HashTreeOptions, 'signal'>,
    cancellation?: Cancellation,
  ): Promise<TreeHash>;
  rewriteTree(
    path: NativePath,
    rewrites: readonly HashRewrite[],
    candidates: readonly string[],
    options: Omit<DumpTreeOptions, 'signal'>,
    cancellation?: Cancellation,
  ): Promise<RewrittenTree>;
  dumpTree(
    path: NativePath,
    fd: number,
    options: Omit<DumpTreeOptions, 'signal'>,
    cancellation?: Cancellation,
  ): Promise<number>;
  canonicaliseTree(path: NativePath, cancellation?: Cancellation): Promise<void>;
  removeTree(path: NativePath, cancellation?: Cancellation): Promise<RemovedTree>;
  copyTree(from: NativePath, to: NativePath, cancellation?: Cancellation): Promise<void>;
  findSpecialFile(path: NativePath, known: Uint8Array, cancellation?: Cancellation): Promise<SpecialSearch>;
  linkTrees(
    store: NativePath,
    names: readonly NativePath[],
    known: LinkInodes | undefined,
    checkLinks: boolean,
    spareApplications: boolean,
    cancellation?: Cancellation,
  ): Promise<LinkedTrees>;
}

const addon = load();

export const native: NativeFileSystem & NativeLauncher = {
  ...addon,
  hashTree: (path, candidates, { signal, ...options } = {}) =>
    cancellable(signal, (cancellation) => addon.hashTree(path, candidates, options, cancellation)),
  rewriteTree: (path, rewrites, candidates, { signal, ...options } = {}) =>
    cancellable(signal, (cancellation) =>
      addon.rewriteTree(path, rewrites, candidates, options, cancellation),
    ),
  dumpTree: (path, fd, { signal, ...options } = {}) =>
    cancellable(signal, (cancellation) => addon.dumpTree(path, fd, options, cancellation)),
  canonicaliseTree: (path, { signal } = {}) =>
    cancellable(signal, (cancellation) => addon.canonicaliseTree(path, cancellation)),
  removeTree: (path, { signal } = {}) =>
    cancellable(signal, (cancellation) => addon.removeTree(path, cancellation)),
  copyTree: (from, to, { signal } = {}) =>
    cancellable(signal, (cancellation) => addon.copyTree(from, to, cancellation)),
  findSpecialFile: (path, known, { signal } = {}) =>
    cancellable(signal, (cancellation) => addon.findSpecialFile(path, known, cancellation)),
  linkTrees: (store, names, { signal, known, checkLinks = false, spareApplications = false } = {}) =>
    cancellable(signal, (cancellation) =>
      addon.linkTrees(store, names, known, checkLinks, spareApplications, cancellation),
    ),
};

/** The launcher executable that belongs to the loaded addon; it lies beside it. */
export const launcherPath: string = join(dirname(addon.path), 'airplant-launcher');

/** Not an async function: wrong arguments are thrown at once. */
function cancellable<T>(
  signal: AbortSignal | undefined,
  start: (cancellation?: Cancellation) => Promise<T>,
): Promise<T> {
  if (!signal) return start();
  if (signal.aborted) return Promise.reject(signal.reason);
  const cancellation = addon.newCancellation();
  const work = start(cancellation);
  const cancel = () => addon.cancel(cancellation);
  signal.addEventListener('abort', cancel, { once: true });
  return work
    .catch((error: NodeJS.ErrnoException) => {
      throw signal.aborted && error.code === 'ECANCELED' ? signal.reason : error;
    })
    .finally(() => signal.removeEventListener('abort', cancel));
}

function load(): NativeAddon {
  try {
    const bindings = require('bindings') as typeof import('bindings');
    return bindings({ bindings: 'airplant.node', module_root: packageRoot }) as NativeAddon;
  } catch (cause) {
    throw new AirplantError(
      'ERR_NATIVE_MISSING',
      `the native part of airplant cannot be loaded from ${packageRoot}`,
      {
        cause,
      },
    );
  }
}
